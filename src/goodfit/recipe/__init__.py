"""The seven steps, each from what is known to a verdict, and the plan that chains them."""

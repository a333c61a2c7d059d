"""The search alone, with no recipe around it: over a plain function, a command, or a task."""

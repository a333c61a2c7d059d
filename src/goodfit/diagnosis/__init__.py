"""Rules from curves and signals to findings. Pure; one set for the recipe, the doctor and diagnose."""

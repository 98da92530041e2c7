"""The widget "Inspect augmentations": look at a recipe before a network learns with it."""

"""What the Measure panel is made of."""

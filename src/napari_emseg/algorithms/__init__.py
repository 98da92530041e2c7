"""Pure functions, arrays in, arrays out: seeds, watershed, matching, boundaries, metrics, tiling."""

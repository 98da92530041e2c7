"""Stack clean-up and its exact inverses: pure functions on sections, one concept a file."""

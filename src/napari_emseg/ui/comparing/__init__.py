"""The panel that compares two segmentations."""

"""The data model: labels, edits, history, journal, section states. No napari, no Qt, no torch."""

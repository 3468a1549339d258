"""Trained networks with their settings, and the files that hold them."""

"""Commands that train, and that make what was trained ready for use."""

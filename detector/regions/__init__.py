"""Which regions are scored, and how they are warped."""

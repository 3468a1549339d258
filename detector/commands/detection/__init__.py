"""The command detect: what it is given, and what it writes."""

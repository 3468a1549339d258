"""How the report says it: markup, curves, tables and pictures on one page."""

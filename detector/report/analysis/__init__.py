"""What the report says: errors, confusions, sizes, intervals."""

"""Classification of whole pictures with the backbone that detection shares."""

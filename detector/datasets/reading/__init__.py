"""Reading files of strangers: texts, JSON and the headers of pictures."""

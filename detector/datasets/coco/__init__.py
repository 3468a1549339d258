"""COCO's tree: its file of annotations, read with care and kept parsed."""

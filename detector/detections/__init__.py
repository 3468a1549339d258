"""From scores of regions to detections, pictures and files."""

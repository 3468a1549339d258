"""Commands that measure: detections, differences between detectors, and proposals."""

"""Detections as other packages hold them, and back.

`detector.detections.results.Detections` has a method for each. A package is imported when its
method is called, and only where its own objects are made.
"""

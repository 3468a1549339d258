"""OpenCV, or one line that says how to get it."""

from __future__ import annotations

try:
    import cv2
except ImportError as error:
    raise ImportError(
        f"OpenCV cannot be loaded ({error}). Run: pip uninstall opencv-python"
        " opencv-contrib-python; pip install --force-reinstall opencv-contrib-python-headless",
        name="cv2",
    ) from error

__all__ = ["cv2"]

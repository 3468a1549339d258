"""R-CNN detection with GoogLeNet: warp, score and select regions, score against ILSVRC DET.

The package itself imports nothing, so that ``detector.scoring`` and ``detector.classes`` do
not wait for torch. The detector is ``detector.rcnn.Detector``, what it returns is
``detector.results.Detections``.
"""

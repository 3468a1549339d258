"""R-CNN detection with GoogLeNet: warp, score and select regions, score against ILSVRC DET.

``Detector`` and ``Detections`` are loaded when they are asked for, so that ``detector.scoring`` and
``detector.classes`` do not wait for what runs networks.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

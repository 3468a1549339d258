from .detections.results import Detections as Detections
from .rcnn import Detector as Detector

"""Average precision by four protocols, and the files that go in and out of it."""

from detector.scoring.average_precision import PrecisionRecall, Score
from detector.scoring.bootstrap import (
    bootstrap_classes,
    bootstrap_outcomes,
    percentile_interval,
)
from detector.scoring.coco import COCO_NUMBERS, CocoNumber, CocoResult, evaluate_coco
from detector.scoring.evaluation import Evaluation
from detector.scoring.files.blacklist import read_blacklist
from detector.scoring.files.coco_results import read_coco_results
from detector.scoring.files.detections import read_detections
from detector.scoring.files.evaluation_file import read_evaluation, write_evaluation
from detector.scoring.files.image_index import ImageIndex, ScoringFileError
from detector.scoring.files.prediction_file import read_predictions, write_predictions
from detector.scoring.interval import class_ap_intervals, mean_ap_interval
from detector.scoring.matching import match_objects
from detector.scoring.outcomes import PROTOCOLS, Outcomes, Protocol
from detector.scoring.protocols import match, score_outcomes
from detector.scoring.records import (
    Blacklist,
    GroundTruth,
    Predictions,
    gather_ground_truth,
    gather_predictions,
)

__all__ = [
    "COCO_NUMBERS",
    "PROTOCOLS",
    "Blacklist",
    "CocoNumber",
    "CocoResult",
    "Evaluation",
    "GroundTruth",
    "ImageIndex",
    "Outcomes",
    "PrecisionRecall",
    "Predictions",
    "Protocol",
    "Score",
    "ScoringFileError",
    "bootstrap_classes",
    "bootstrap_outcomes",
    "class_ap_intervals",
    "evaluate_coco",
    "gather_ground_truth",
    "gather_predictions",
    "match",
    "match_objects",
    "mean_ap_interval",
    "percentile_interval",
    "read_blacklist",
    "read_coco_results",
    "read_detections",
    "read_evaluation",
    "read_predictions",
    "score_outcomes",
    "write_evaluation",
    "write_predictions",
]

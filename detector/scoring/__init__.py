"""Average precision as ILSVRC DET counts it, and the files that go in and out of it."""

from detector.scoring.average_precision import PrecisionRecall
from detector.scoring.blacklist import read_blacklist
from detector.scoring.bootstrap import bootstrap_map, percentile_interval
from detector.scoring.ilsvrc import Score, score
from detector.scoring.image_index import ImageIndex, ScoringFileError
from detector.scoring.prediction_file import read_predictions, write_predictions
from detector.scoring.records import (
    Blacklist,
    GroundTruth,
    Predictions,
    gather_ground_truth,
    gather_predictions,
)

__all__ = [
    "Blacklist",
    "GroundTruth",
    "ImageIndex",
    "PrecisionRecall",
    "Predictions",
    "Score",
    "ScoringFileError",
    "bootstrap_map",
    "gather_ground_truth",
    "gather_predictions",
    "percentile_interval",
    "read_blacklist",
    "read_predictions",
    "score",
    "write_predictions",
]

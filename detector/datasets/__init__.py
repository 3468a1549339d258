"""Labelled images: what one annotation holds, and readers of the trees they are published in."""

from detector.datasets.annotation import DatasetError, ImageAnnotation
from detector.datasets.dataset import Dataset, DatasetFormat, open_dataset
from detector.datasets.ilsvrc import IlsvrcDet

__all__ = [
    "Dataset",
    "DatasetError",
    "DatasetFormat",
    "IlsvrcDet",
    "ImageAnnotation",
    "open_dataset",
]

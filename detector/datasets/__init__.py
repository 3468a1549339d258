"""Labelled images: what one annotation holds, and readers of the trees they are published in."""

from detector.datasets.annotation import DatasetError, ImageAnnotation
from detector.datasets.coco.tree import Coco
from detector.datasets.dataset import Dataset
from detector.datasets.formats import DATASET_FORMATS, DatasetFormat, detect_format, open_dataset
from detector.datasets.ilsvrc import IlsvrcDet
from detector.datasets.image_list import ClassList
from detector.datasets.voc import PascalVoc

__all__ = [
    "DATASET_FORMATS",
    "ClassList",
    "Coco",
    "Dataset",
    "DatasetError",
    "DatasetFormat",
    "IlsvrcDet",
    "ImageAnnotation",
    "PascalVoc",
    "detect_format",
    "open_dataset",
]

"""GoogLeNet as published in 2014, its ImageNet weights and its input."""

from __future__ import annotations

from backbones.classification.classifier import ClassScore, ImageClassifier
from backbones.classification.crops import crop_picture
from backbones.googlenet import INCEPTION_WIDTHS, AuxiliaryHead, AuxiliaryLogits, GoogLeNet
from backbones.inception import Inception, InceptionWidths
from backbones.lrn import LocalResponseNorm
from backbones.preprocess import InputStatistics, centre_crop
from backbones.weights.bvlc import load_imagenet_weights
from foundation.tensor_file import WeightsError

__all__ = [
    "INCEPTION_WIDTHS",
    "AuxiliaryHead",
    "AuxiliaryLogits",
    "ClassScore",
    "GoogLeNet",
    "ImageClassifier",
    "Inception",
    "InceptionWidths",
    "InputStatistics",
    "LocalResponseNorm",
    "WeightsError",
    "centre_crop",
    "crop_picture",
    "load_imagenet_weights",
]

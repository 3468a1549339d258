"""MultiBox (Erhan et al., CVPR 2014): one look of a network at the image gives proposals.

Importing this package imports PyTorch; ``import proposals`` alone does not.
"""

from proposals.multibox.network import (
    Backbone,
    ConvolutionalHead,
    GlobalHead,
    MultiBoxNetwork,
    decode,
)
from proposals.multibox.priors import grid_priors, kmeans_priors
from proposals.multibox.proposer import MultiBox, MultiBoxConfig
from proposals.multibox.weights_file import (
    MultiBoxWeightsError,
    load_multibox,
    pretrained_path,
    save_multibox,
)

__all__ = [
    "Backbone",
    "ConvolutionalHead",
    "GlobalHead",
    "MultiBox",
    "MultiBoxConfig",
    "MultiBoxNetwork",
    "MultiBoxWeightsError",
    "decode",
    "grid_priors",
    "kmeans_priors",
    "load_multibox",
    "pretrained_path",
    "save_multibox",
]

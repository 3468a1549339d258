"""Which of ImageNet's 1,000 classes name an ILSVRC DET class.

Both lists are of WordNet. A DET class is named by each of the 1,000 that WordNet has below it
(dog: the 118 breeds from Chihuahua to Mexican hairless), and a train by its locomotives and cars,
too. Names are those of `backbones.classification.imagenet.imagenet_names`; a pair stands for all
from the first to the second, as WordNet's animals lie together in the list.

No class of the 1,000 names a person. Cattle and horses have but one name each.
"""

from __future__ import annotations

from collections.abc import Sequence

NAMES_OF_KINDS: dict[str, tuple[str | tuple[str, str], ...]] = {
    "bus": ("minibus", "school bus", "trolleybus"),
    "car": (
        "ambulance", "beach wagon", "cab", "convertible", "jeep", "limousine", "minivan",
        "Model T", "racer", "sports car",
    ),
    "cattle": ("ox",),
    "dog": (("Chihuahua", "Mexican hairless"),),
    "domestic_cat": (("tabby", "Egyptian cat"),),
    "horse": ("sorrel",),
    "sheep": (("ram", "bighorn"),),
    "train": (
        "bullet train", "electric locomotive", "steam locomotive", "passenger car", "freight car",
    ),
}  # fmt: skip
"""By the DET class's name."""


def indices_of_kinds(imagenet_names: Sequence[str]) -> dict[str, frozenset[int]]:
    """Return the outputs of an ImageNet network that name each kind."""
    found: dict[str, frozenset[int]] = {}
    for kind, entries in NAMES_OF_KINDS.items():
        indices: set[int] = set()
        for entry in entries:
            first, last = entry if isinstance(entry, tuple) else (entry, entry)
            indices.update(range(imagenet_names.index(first), imagenet_names.index(last) + 1))
        found[kind] = frozenset(indices)
    return found

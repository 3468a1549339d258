"""Which of ImageNet's 1,000 classes name a class of PASCAL VOC.

Those that WordNet has below the same class of ILSVRC DET (dog: the 118 breeds from Chihuahua to
Mexican hairless), and those that VOC's guidelines for annotators mean, too
(http://host.robots.ox.ac.uk/pascal/VOC/voc2007/guidelines.html): warplanes, tricycles and
unicycles, motor scooters, all bottles, a train's locomotives and cars, monitors and television
sets; of tables that at which people eat, and no desk.

Names are those of `backbones.classification.imagenet.imagenet_names`; a pair stands for all from
the first to the second, as WordNet's animals lie together in the list. No class of the 1,000 names
a person: only three kinds of people have one. Cattle and horses have but one name each.
"""

from __future__ import annotations

from collections.abc import Sequence

NAMES_OF_KINDS: dict[str, tuple[str | tuple[str, str], ...]] = {
    "aeroplane": ("airliner", "warplane"),
    "bicycle": ("bicycle-built-for-two", "mountain bike", "tricycle", "unicycle"),
    "bird": (
        ("cock", "great grey owl"), ("black grouse", "black swan"), ("white stork", "albatross"),
    ),
    "boat": (
        "aircraft carrier", "canoe", "catamaran", "container ship", "fireboat", "gondola",
        "lifeboat", "liner", "pirate", "schooner", "speedboat", "submarine", "trimaran", "wreck",
        "yawl",
    ),
    "bottle": ("beer bottle", "pill bottle", "pop bottle", "water bottle", "wine bottle"),
    "bus": ("minibus", "school bus", "trolleybus"),
    "car": (
        "ambulance", "beach wagon", "cab", "convertible", "jeep", "limousine", "minivan",
        "Model T", "racer", "sports car",
    ),
    "cat": (("tabby", "Egyptian cat"),),
    "chair": ("barber chair", "folding chair", "rocking chair", "throne"),
    "cow": ("ox",),
    "diningtable": ("dining table",),
    "dog": (("Chihuahua", "Mexican hairless"),),
    "horse": ("sorrel",),
    "motorbike": ("moped", "motor scooter"),
    "pottedplant": ("pot",),
    "sheep": (("ram", "bighorn"),),
    "sofa": ("studio couch",),
    "train": (
        "bullet train", "electric locomotive", "steam locomotive", "passenger car", "freight car",
    ),
    "tvmonitor": ("monitor", "screen", "television"),
}  # fmt: skip
"""By VOC's name, all of its twenty classes but the person."""


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

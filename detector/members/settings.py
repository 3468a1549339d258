"""What belongs to a trained member beside its weights, and how files write it down."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from backbones.preprocess import InputStatistics
from detector.classes import ObjectClass
from detector.config import DetectorConfig
from detector.regions.warp_config import WarpConfig
from foundation.spelling import one_line

CLASSIFIERS = ("softmax", "svm")
"""How the last layer's outputs become scores; see `MemberSettings.classifier`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MemberSettings:
    """What is needed to use a network, whatever runs it.

    Attributes
    ----------
    classes : tuple of ObjectClass
        The C classes: output 0 of the network is the background, output i + 1 is ``classes[i]``.
    statistics : InputStatistics
        Mean colour and size of the input.
    warp : WarpConfig
        How regions were warped in training.
    detection : DetectorConfig
        Settings that the network was tuned with.
    provenance : mapping
        How it was trained: free, but writable as JSON.
    activation_ranges : mapping of str to float
        The largest activation at each point that 8-bit arithmetic rounds, by name; see
        `detector.training.calibration`. Empty where the member was not calibrated.
    classifier : {"softmax", "svm"}
        How outputs become scores. ``softmax``: over the background and the classes. ``svm``:
        outputs 1 to C are the margins of linear SVMs, one a class, and a score is the logistic
        function of its margin, which keeps their order: 0.5 is the SVM's own border. The
        background has what the largest of them leaves of 1; output 0 is not used.

    Raises
    ------
    ValueError
        If the parts do not fit each other.
    """

    classes: tuple[ObjectClass, ...]
    statistics: InputStatistics = field(default_factory=InputStatistics)
    warp: WarpConfig = field(default_factory=WarpConfig)
    detection: DetectorConfig = field(default_factory=DetectorConfig)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    activation_ranges: Mapping[str, float] = field(default_factory=dict)
    classifier: str = "softmax"

    def __post_init__(self) -> None:
        if not self.classes:
            raise ValueError("classes must hold at least one class but got none")
        if self.warp.size != self.statistics.size:
            raise ValueError(
                f"warp.size must be the network's input size {self.statistics.size} but got"
                f" {self.warp.size}"
            )
        rounded_mean = tuple(round(value) for value in self.statistics.mean_rgb)
        if self.warp.outside_rgb != rounded_mean:
            raise ValueError(
                f"warp.outside_rgb must be the mean colour {rounded_mean}, 0 after the mean"
                f" is subtracted, but got {self.warp.outside_rgb}"
            )
        if self.classifier not in CLASSIFIERS:
            raise ValueError(
                f"classifier must be one of {', '.join(CLASSIFIERS)} but got {self.classifier!r}"
            )
        for name, value in self.activation_ranges.items():
            if not (isinstance(value, float) and math.isfinite(value) and value > 0):
                raise ValueError(
                    f"activation_ranges must be finite numbers above 0 but {name} is {value!r}"
                )

    def to_document(self) -> dict[str, Any]:
        """Return the settings as what JSON can hold."""
        return {
            "classes": [asdict(object_class) for object_class in self.classes],
            "statistics": asdict(self.statistics),
            "warp": asdict(self.warp),
            "detection": asdict(self.detection),
            "provenance": dict(self.provenance),
            "activation_ranges": dict(self.activation_ranges),
            "classifier": self.classifier,
        }


def settings_from_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `MemberSettings` that ``to_document`` wrote down.

    Documents from before there were SVMs name no classifier: theirs is the softmax.

    Raises
    ------
    ValueError
        If something is missing, unknown or impossible; says what.
    """
    document = {"classifier": MemberSettings.classifier, **document}
    known = MemberSettings.__dataclass_fields__.keys()
    if document.keys() != known:
        odd = one_line(sorted(document.keys() ^ known))
        raise ValueError(f"settings {odd} are missing or unknown")
    try:
        statistics, warp = document["statistics"], document["warp"]
        return {
            "classes": tuple(_class_from(row) for row in document["classes"]),
            "statistics": InputStatistics(
                **{**statistics, "mean_rgb": tuple(statistics["mean_rgb"])}
            ),
            "warp": WarpConfig(**{**warp, "outside_rgb": tuple(warp["outside_rgb"])}),
            "detection": DetectorConfig(**document["detection"]),
            "provenance": dict(document["provenance"]),
            "activation_ranges": dict(document["activation_ranges"]),
            "classifier": document["classifier"],
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"settings cannot be read ({one_line(error)})") from error


def _class_from(row: Mapping[str, Any]) -> ObjectClass:
    object_class = ObjectClass(**row)
    if [type(value) for value in (object_class.id, object_class.wnid, object_class.name)] != [
        int,
        str,
        str,
    ]:
        raise ValueError(f"a class must be a number and two texts but got {one_line(dict(row))}")
    if not (object_class.wnid + object_class.name).isprintable():
        raise ValueError(f"a class must have a name that can be printed but got {dict(row)}")
    return object_class


def check_members(members: Sequence[MemberSettings], names: Sequence[str] = ()) -> None:
    """Raise ValueError unless there are members, of the same classes, input, warp and scores.

    ``names`` are what the message calls them; "member 0" and so on when left out.
    """
    if not members:
        raise ValueError("an ensemble must hold one or more members but got none")
    names = names or [f"member {number}" for number in range(len(members))]
    first = members[0]
    for name, member in zip(names[1:], members[1:], strict=True):
        if (member.classes, member.warp, member.statistics) != (
            first.classes,
            first.warp,
            first.statistics,
        ):
            raise ValueError(
                f"the members of an ensemble must share classes, input and warp but {name} differs"
                f" from {names[0]}: combine networks of one training set"
            )
        if member.classifier != first.classifier:
            raise ValueError(
                f"the scores of a softmax and of SVMs have no common mean, but {names[0]} has the"
                f" classifier {first.classifier} and {name} {member.classifier}: combine members"
                " of one kind"
            )


def check_windows(shape: tuple[int, ...], dtype: str, settings: MemberSettings) -> None:
    """Raise ValueError unless windows are (R, S, S, 3) uint8 of the member's size."""
    expected = (settings.statistics.size, settings.statistics.size, 3)
    if dtype != "uint8" or len(shape) != 4 or tuple(shape[1:]) != expected:
        raise ValueError(
            f"windows must be (R, {', '.join(map(str, expected))}) uint8 but got"
            f" {tuple(shape)} {dtype}"
        )

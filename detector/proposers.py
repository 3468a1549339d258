"""The making of proposal generators: the detector's own, and any by its name.

Here, and not in `proposals`, since MultiBox stands on a backbone of `backbones`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from backbones.graph import GoogLeNetMaps
from proposals import MODES, Proposals, Proposer, SelectiveSearch, SelectiveSearchConfig
from proposals.evaluation.peers import OPENCV_MODES, OpenCvSelectiveSearch
from proposals.merging import SELECTIVE_SEARCH, MergedProposals
from proposals.multibox.openvino_predictor import OpenVinoPredictor
from proposals.multibox.proposer import MultiBox, MultiBoxConfig
from proposals.multibox.weights_file import pretrained_path
from proposals.ranking import pretrained_ranking
from proposals.storage.proposal_file import ProposalFile

_FILE = "file:"
_MULTIBOX = "multibox:"
_OPENCV = "opencv-"
_MULTIBOX_ALONE = "multibox"
_MERGED: Mapping[str, SelectiveSearchConfig] = MappingProxyType(
    {"merged": SELECTIVE_SEARCH, "merged-doubled": MODES["doubled"]}
)
"""What MultiBox is merged with, by name: the detector's own, and GoogLeNet's (section 7)."""


@dataclass(frozen=True)
class Source:
    """Where the boxes of a data set's images come from: a generator, or a file of its boxes.

    Attributes
    ----------
    name : str
    propose : callable
        From the image id and the (H, W, 3) uint8 RGB image to `Proposals`.
    timed : bool
        Whether the time it takes is that of proposing.
    """

    name: str
    propose: Callable[[str, NDArray[Any]], Proposals]
    timed: bool = True


def default_proposer(
    *,
    seed: int = 0,
    threads: int | None = None,
    selective_search: SelectiveSearchConfig = SELECTIVE_SEARCH,
) -> MergedProposals:
    """Return Selective Search merged with MultiBox, from the weights of the package.

    Parameters
    ----------
    seed : int
        Of what is random in Selective Search's order.
    threads : int, optional
        Threads that share one image; as many as there are processors when left out.
    selective_search : SelectiveSearchConfig
        Of other sizes of boxes and superpixels than the shipped ranking was made for; it orders
        those, too.
    """
    search = SelectiveSearch(selective_search, seed=seed, threads=threads)
    return MergedProposals(search, make_multibox(threads=threads), pretrained_ranking())


def make_multibox(path: Path | None = None, *, threads: int | None = None) -> MultiBox:
    """Return MultiBox on OpenVINO.

    Parameters
    ----------
    path : Path, optional
        Of its weights; those of the package when left out.
    threads : int, optional
        As `default_proposer` takes them.

    Raises
    ------
    WeightsError
        If the file cannot be used.
    """
    config = MultiBoxConfig()
    predictor = OpenVinoPredictor(
        path or pretrained_path(), GoogLeNetMaps(), images=len(config.crops), threads=threads
    )
    return MultiBox(predictor, config)


def generator_names() -> tuple[str, ...]:
    """Return the names that `make_generator` takes."""
    peers = (f"{_OPENCV}{mode}" for mode in OPENCV_MODES)
    return (*MODES, _MULTIBOX_ALONE, *_MERGED, *peers)


def takes_min_side(name: str) -> bool:
    """Tell whether a generator's smallest boxes can be chosen: its Selective Search is ours."""
    return name in _MERGED or name in MODES


def make_generator(
    name: str, *, seed: int, threads: int | None, min_side: int | None = None
) -> Proposer:
    """Return a generator.

    Parameters
    ----------
    name : str
        Out of `generator_names`.
    seed, threads
        As `default_proposer` takes them.
    min_side : int, optional
        In place of the generator's own `SelectiveSearchConfig.min_side`.

    Raises
    ------
    ValueError
        If ``min_side`` is given to a generator that is not of `takes_min_side`, or negative.
    """
    if name in MODES:
        return SelectiveSearch(_sized(MODES[name], min_side), seed=seed, threads=threads)
    if name in _MERGED:
        chosen = _sized(_MERGED[name], min_side)
        return default_proposer(seed=seed, threads=threads, selective_search=chosen)
    if min_side is not None:
        names = ", ".join([*MODES, *_MERGED])
        raise ValueError(f"min_side can be chosen of {names}, but got '{name}'")
    if name == _MULTIBOX_ALONE:
        return make_multibox(threads=threads)
    return OpenCvSelectiveSearch(name.removeprefix(_OPENCV))


def _sized(config: SelectiveSearchConfig, min_side: int | None) -> SelectiveSearchConfig:
    return config if min_side is None else replace(config, min_side=min_side)


def is_source_name(name: str) -> bool:
    """Tell whether `make_source` takes a name; whether its file exists is not looked at."""
    of_file = name.startswith((_FILE, _MULTIBOX)) and not name.endswith(":")
    return of_file or name in generator_names()


def make_source(
    name: str, *, seed: int, threads: int | None, min_side: int | None = None
) -> Source:
    """Return the source of that name: of `generator_names`, or with the path of a file.

    ``file:`` is one of proposals, ``multibox:`` one of weights of ``train-multibox``.
    ``min_side`` is for the generators of `takes_min_side`; others go without.
    """
    if name.startswith(_FILE):
        return _file_source(name)
    if name.startswith(_MULTIBOX):
        generator: Proposer = make_multibox(Path(name.removeprefix(_MULTIBOX)), threads=threads)
    else:
        side = min_side if takes_min_side(name) else None
        generator = make_generator(name, seed=seed, threads=threads, min_side=side)
    return Source(name, lambda _image_id, image: generator(image))


def _file_source(name: str) -> Source:
    file = ProposalFile(name.removeprefix(_FILE))
    return Source(
        name,
        lambda image_id, image: file.for_image(image_id, (image.shape[0], image.shape[1])),
        timed=False,
    )

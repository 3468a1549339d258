"""Proposal generators by name, and where else the boxes of a data set's images come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foundation.spelling import did_you_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from proposals import Proposals, Proposer
    from proposals.multibox import MultiBoxConfig

_FILE = "file:"
_MULTIBOX = "multibox:"
_OPENCV = "opencv-"
_Maker = Callable[[int, int | None], "Proposer"]  # from seed and threads


def generator_names() -> tuple[str, ...]:
    """Return the names that `make_generator` takes."""
    return tuple(_makers())


def make_generator(name: str, *, seed: int, threads: int | None) -> Proposer:
    """Return a generator.

    Parameters
    ----------
    name : str
        Out of `generator_names`.
    seed : int
        Of what is random in its ranking.
    threads : int or None
        Threads that share one image; as many as there are processors when None.
    """
    return _makers()[name](seed, threads)


def _makers() -> dict[str, _Maker]:
    from proposals import MODES
    from proposals.evaluation.peers import OPENCV_MODES

    ours = {mode: _selective_search(mode) for mode in MODES}
    networks: dict[str, _Maker] = {"multibox": _multibox, "merged": _merged}
    return ours | networks | {f"{_OPENCV}{mode}": _opencv(mode) for mode in OPENCV_MODES}


def _selective_search(mode: str) -> _Maker:
    from proposals import SelectiveSearch

    return lambda seed, threads: SelectiveSearch(mode, seed=seed, threads=threads)


def _multibox(_seed: int, threads: int | None) -> Proposer:
    from proposals.multibox import MultiBoxConfig, pretrained_path

    return _load_multibox(pretrained_path(), MultiBoxConfig(), threads)


def multibox_to_merge(threads: int | None) -> Proposer:
    """Return MultiBox as merged proposals have it."""
    from proposals.merging import MULTIBOX_BOXES
    from proposals.multibox import MultiBoxConfig, pretrained_path

    return _load_multibox(pretrained_path(), MultiBoxConfig(max_boxes=MULTIBOX_BOXES), threads)


def _load_multibox(path: Path, config: MultiBoxConfig, threads: int | None) -> Proposer:
    import torch

    from backbones import GoogLeNet
    from backbones.hardware import choose_dtype
    from proposals.multibox import MultiBox, load_multibox

    if threads is not None:  # several workers with several threads each would wait for each other
        torch.set_num_threads(threads)
    dtype = choose_dtype("auto", torch.device("cpu"))
    return MultiBox(load_multibox(path, GoogLeNet(1)), config, dtype=dtype)


def _merged(seed: int, threads: int | None) -> Proposer:
    from proposals import SelectiveSearch
    from proposals.merging import MergedProposals
    from proposals.ranking import pretrained_ranking

    selective_search = SelectiveSearch(seed=seed, threads=threads)
    return MergedProposals(selective_search, multibox_to_merge(threads), pretrained_ranking())


def _opencv(mode: str) -> _Maker:
    from proposals.evaluation.peers import OpenCvSelectiveSearch

    return lambda _seed, _threads: OpenCvSelectiveSearch(mode)


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


def source_name(text: str) -> str:
    """Return a name that `make_source` takes.

    Raises
    ------
    ValueError
        If it is none.
    """
    names = generator_names()
    if text in names or (text.startswith((_FILE, _MULTIBOX)) and not text.endswith(":")):
        return text
    raise ValueError(
        f"'{text}' names no generator{did_you_mean(text, names)}: choose from {', '.join(names)},"
        f" {_FILE}PATH and {_MULTIBOX}PATH"
    )


def make_source(name: str, *, seed: int, threads: int | None) -> Source:
    """Return the source of that name: of `generator_names`, or with the path of a file.

    ``file:`` is one of proposals, ``multibox:`` one of weights of `train_multibox`.
    """
    if name.startswith(_FILE):
        return _file_source(name)
    if name.startswith(_MULTIBOX):
        from proposals.multibox import MultiBoxConfig

        weights = Path(name.removeprefix(_MULTIBOX))
        generator = _load_multibox(weights, MultiBoxConfig(), threads)
    else:
        generator = make_generator(name, seed=seed, threads=threads)
    return Source(name, lambda _image_id, image: generator(image))


def _file_source(name: str) -> Source:
    from proposals.storage.proposal_file import ProposalFile

    file = ProposalFile(name.removeprefix(_FILE))
    return Source(
        name,
        lambda image_id, image: file.for_image(image_id, (image.shape[0], image.shape[1])),
        timed=False,
    )

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from proposals import ImageError, Proposals, SelectiveSearch, Skipped, propose_many
from proposals.many import why_skipped

BAD = 3  # the width of the image at which the stub fails


def whole_image(image: NDArray[np.uint8]) -> Proposals:
    height, width = image.shape[:2]
    if width == BAD:
        raise MemoryError
    return Proposals.of_one_source([[0, 0, width, height]], (height, width), "whole")


def picture(width: int) -> NDArray[np.uint8]:
    return np.zeros((2, width), np.uint8)


def widths(found: Iterator[Proposals | Skipped]) -> list[int | None]:
    return [one.image_size[1] if isinstance(one, Proposals) else None for one in found]


@pytest.mark.parametrize("count", [0, 1, 2, 20])
@pytest.mark.parametrize("workers", [1, 3, None])
def test_images_keep_their_order_and_bad_ones_their_place(count: int, workers: int | None) -> None:
    images = [picture(width) for width in range(1, count + 1)]
    found = widths(propose_many(images, whole_image, workers=workers))
    assert found == [None if width == BAD else width for width in range(1, count + 1)]


def test_paths_pillow_images_and_arrays_are_taken_from_any_iterable(tmp_path: Path) -> None:
    path = tmp_path / "coffee.png"
    Image.fromarray(data.coffee()[::2, ::2]).quantize(64).save(path)

    def images() -> Iterator[Any]:
        yield path
        yield str(path)
        with Image.open(path) as opened:
            yield opened  # and is closed when the next one is asked for
        yield np.asarray(Image.open(path).convert("RGB"))

    found = list(propose_many(images(), workers=1))
    expected = SelectiveSearch()(path)
    assert len(found) == 4
    for one in found:
        assert isinstance(one, Proposals)
        np.testing.assert_array_equal(one.boxes_xyxy, expected.boxes_xyxy)


def test_what_was_skipped_says_which_and_why(tmp_path: Path) -> None:
    opened = Image.new("RGB", (BAD, 2))
    opened.save(tmp_path / "bad.png")
    images = [
        tmp_path / "none.jpg",
        picture(BAD),
        np.zeros((3, 20, 30)),
        Image.open(tmp_path / "bad.png"),
        opened,
    ]
    found = [
        one for one in propose_many(images, whole_image, workers=2) if isinstance(one, Skipped)
    ]
    assert [one.index for one in found] == [0, 1, 2, 3, 4]
    assert [type(one.error) for one in found] == [
        ImageError,
        MemoryError,
        ImageError,
        MemoryError,
        MemoryError,
    ]
    reasons = [one.reason for one in found]
    assert all(one.reason.startswith(f"{one.name}: ") for one in found)
    assert reasons[0] == f"{tmp_path / 'none.jpg'}: there is no such file; check the path"
    assert reasons[1].startswith("image 1: the memory does not suffice; ")
    assert reasons[2].endswith(
        "but got (3, 20, 30); channels come last: pass image.transpose(1, 2, 0)"
    )
    assert reasons[3].startswith(f"{tmp_path / 'bad.png'}: the memory")
    assert reasons[4].startswith("image 4: the memory")


def test_an_error_may_end_the_work_once_it_is_due() -> None:
    images = [picture(width) for width in (1, 2, BAD, 4)]
    found = propose_many(images, whole_image, workers=2, on_error="raise")
    assert [next(found).image_size for _ in range(2)] == [(2, 1), (2, 2)]  # type: ignore[union-attr]
    with pytest.raises(MemoryError):
        next(found)
    assert list(found) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_endless_images_are_taken_a_few_ahead(workers: int) -> None:
    taken = itertools.count()
    images = (picture(5) for _ in iter(lambda: next(taken), -1))
    found = propose_many(images, whole_image, workers=workers)
    assert widths(itertools.islice(found, 10)) == [5] * 10
    found.close()  # type: ignore[attr-defined]
    assert next(taken) <= 10 + 2 * workers + 1


def test_several_images_are_worked_on_at_once() -> None:
    meeting = threading.Barrier(3)

    def propose(image: NDArray[np.uint8]) -> Proposals:
        meeting.wait(timeout=60)
        return whole_image(image)

    assert widths(propose_many([picture(1)] * 3, propose, workers=3)) == [1, 1, 1]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_ends_the_work(error: type[BaseException]) -> None:
    def propose(_image: NDArray[np.uint8]) -> Proposals:
        raise error

    with pytest.raises(error):
        list(propose_many([picture(1)], propose, workers=1))


def test_an_error_of_the_source_reaches_the_reader() -> None:
    def images() -> Iterator[NDArray[np.uint8]]:
        yield picture(1)
        raise OSError("the source is gone")

    with pytest.raises(OSError, match="the source is gone"):
        list(propose_many(images(), whole_image, workers=1))


@pytest.mark.parametrize(
    ("images", "settings", "message"),
    [
        ("cat.png", {}, "images must be several, but got one; put it into a list"),
        (Path("cat.png"), {}, "images must be several"),
        (Image.new("RGB", (2, 2)), {}, "images must be several"),
        (data.coffee(), {}, "images must be several"),
        ([], {"workers": 0}, "workers must be a whole number, 1 or more, but got 0"),
        ([], {"workers": 1.5}, "workers must be"),
        ([], {"on_error": "stop"}, "on_error must be one of skip, raise, but got 'stop'"),
    ],
)
def test_wrong_use_is_refused_at_once(images: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        propose_many(images, **settings)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ImageError("a.jpg: no picture"), "a.jpg: no picture"),
        (ImageError("must be RGB"), "a.jpg: must be RGB"),
        (RuntimeError(), "a.jpg: the proposer failed (RuntimeError); look at"),
        (
            RuntimeError("two\nlines " + "x" * 999),
            "a.jpg: the proposer failed (RuntimeError",
        ),
        (MemoryError("4 GiB"), "a.jpg: the memory does not suffice"),
    ],
)
def test_a_reason_is_one_line_that_begins_with_the_name(error: Exception, reason: str) -> None:
    told = why_skipped("a.jpg", error)
    assert told.startswith(reason)
    assert "\n" not in told
    assert len(told) < 300


def test_what_was_proposed_before_the_images_end_in_an_error_comes_first() -> None:
    def images() -> Iterator[Any]:
        yield from map(picture, (1, 2))
        raise OSError("the archive is gone")

    found: list[Proposals | Skipped] = []
    with pytest.raises(OSError, match="the archive is gone"):
        found.extend(propose_many(images(), whole_image))
    assert widths(iter(found)) == [1, 2]


def test_an_error_of_the_disk_is_told_as_one() -> None:
    told = why_skipped("a.jpg", OSError(5, "Input/output error"))
    assert told == "a.jpg: cannot be read (Input/output error); see to its path and permissions"
    assert "a.jpg: the proposer failed (OSError: odd)" in why_skipped("a.jpg", OSError("odd"))

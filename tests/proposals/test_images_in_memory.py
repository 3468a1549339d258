from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from proposals import images
from proposals.images import ImageError, decode_image, read_image


@pytest.fixture(scope="module")
def cat() -> Image.Image:
    return Image.fromarray(data.chelsea()).resize((45, 30))


def test_a_picture_in_memory_is_what_its_file_is(tmp_path: Path, cat: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    cat.save(tmp_path / "turned.jpg", exif=exif)
    content = (tmp_path / "turned.jpg").read_bytes()
    np.testing.assert_array_equal(
        decode_image(content, "stdin"), read_image(tmp_path / "turned.jpg")
    )


def test_bad_pictures_in_memory_are_refused_as_files_are(
    cat: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.BytesIO()
    cat.save(stream, "PNG")
    content = stream.getvalue()
    postscript = io.BytesIO()
    cat.save(postscript, "EPS")
    for bad, message in (
        (b"", "stdin: there is no data; send a picture"),
        (b"text", "stdin: not a picture, or of none of the formats"),
        (postscript.getvalue(), "stdin: not a picture, or of none of the formats"),
        (content[: len(content) // 2], "stdin: damaged or truncated"),
    ):
        with pytest.raises(ImageError) as refusal:
            decode_image(bad, "stdin")
        assert str(refusal.value).startswith(message)
        assert "\n" not in str(refusal.value)
    monkeypatch.setattr(images, "MAX_PIXELS", cat.width * cat.height - 1)
    with pytest.raises(ImageError, match="stdin: more than"):
        decode_image(content, "stdin")

"""The readers of strangers' files, each as a function of bytes, and small files to begin with.

`attempt` is all that a fuzzer needs: a reader may take a file, or refuse it by its own error in
one line that names the file. Whatever else happens is a finding.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import onnx
from PIL import Image, features
from safetensors.numpy import save as save_arrays

from detector.classes import ObjectClass
from detector.datasets import DatasetError
from detector.datasets.coco.file import parse_coco
from detector.datasets.reading.pictures import read_header
from detector.datasets.reading.safe_json import read_json
from detector.datasets.xml.annotation import ILSVRC_RULES, VOC_RULES, read_xml
from detector.engines.onnx_file import read_onnx
from detector.members.file import load_member
from detector.members.settings import MemberSettings
from detector.scoring.files.blacklist import read_blacklist
from detector.scoring.files.coco_results import read_coco_results
from detector.scoring.files.image_index import ImageIndex, ScoringFileError
from detector.scoring.files.prediction_file import read_predictions
from foundation.graph_builder import GraphBuilder
from foundation.tensor_file import WeightsError
from proposals import ProposalFile, ProposalFileError, Proposals
from proposals.images import PICTURE_FORMATS, ImageError, is_whole_jpeg, read_image
from proposals.multibox.weights_file import read_multibox
from proposals.storage.header import ProposalSettings, Run
from proposals.storage.parquet import ImageRow
from proposals.storage.parts import Parts, Picture
from proposals.videos import opened_video, quiet_opencv

CORPUS = Path(__file__).parent / "corpus"
IMAGES = ImageIndex(["a", "b", "000005"], [1, 2, 3])
CLASSES = (ObjectClass(1, "n02958343", "car"), ObjectClass(18, "", "dog"))
SETTINGS = MemberSettings(classes=CLASSES)


class Target(NamedTuple):
    """A reader.

    Attributes
    ----------
    suffix : str
        Of its files.
    read : callable
        Reads a file in every way that there is.
    refusal : exception class
        What it may raise.
    seeds : callable
        Gives the bytes of small files that it takes.
    """

    suffix: str
    read: Callable[[Path], None]
    refusal: type[Exception]
    seeds: Callable[[], Iterator[bytes]]


def attempt(name: str, content: bytes, folder: Path) -> bool:
    """Give content to the reader of a target.

    Returns
    -------
    bool
        False where it refused the content as it may.

    Raises
    ------
    AssertionError
        If its refusal is not one line that names the file.
    """
    target = TARGETS[name]
    path = folder / f"input{target.suffix}"
    path.write_bytes(content)
    try:
        target.read(path)
    except target.refusal as error:
        told = str(error)
        assert str(path) in told, told
        assert len(told.splitlines()) == 1, told
        return False
    return True


def corpus(name: str) -> dict[str, bytes]:
    """Return what was found with a target, and the files that were made to break it."""
    return {path.name: path.read_bytes() for path in sorted((CORPUS / name).iterdir())}


def _read_picture(path: Path) -> None:
    read_header(path)
    is_whole_jpeg(path)
    pixels = read_image(path)
    assert pixels.dtype == np.uint8, pixels.dtype
    assert pixels.ndim == 3, pixels.shape


def _pictures() -> Iterator[bytes]:
    ramp = np.arange(16 * 12 * 3, dtype=np.uint8).reshape(12, 16, 3)
    picture = Image.fromarray(ramp)
    exif = Image.Exif()
    exif[0x0112] = 6
    needs = {"JPEG2000": "jpg_2000", "AVIF": "avif", "WEBP": "webp"}
    for kind in PICTURE_FORMATS:
        if features.check(needs.get(kind, "jpg")):
            yield _saved(picture, kind)
    for mode in ("1", "L", "LA", "P", "RGBA", "I;16"):
        yield _saved(picture.convert("L").convert(mode), "PNG")
    for mode in ("CMYK", "F", "I", "YCbCr"):
        yield _saved(picture.convert(mode), "TIFF")
    yield _saved(picture, "TIFF", compression="tiff_lzw")
    yield _saved(picture, "JPEG", exif=exif, progressive=True)


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def _read_video(path: Path) -> None:
    with opened_video(path) as video:
        for frame in islice(video.frames(every=2), 9):
            assert frame.pixels.dtype == np.uint8, frame.pixels.dtype
            assert frame.pixels.ndim == 3, frame.pixels.shape


def _videos() -> Iterator[bytes]:
    ramp = np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)
    for suffix, codec in ((".mp4", "mp4v"), (".avi", "MJPG"), (".mkv", "VP80")):
        with tempfile.TemporaryDirectory() as folder, quiet_opencv():
            path = Path(folder) / f"seed{suffix}"
            four = cv2.VideoWriter.fourcc(*codec)
            writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, four, 10, (64, 48))
            for _ in range(4):
                writer.write(ramp)
            writer.release()
            yield path.read_bytes()


def _read_xml(path: Path) -> None:
    for rules in (ILSVRC_RULES, VOC_RULES):
        told: list[object] = []
        read_xml(path, rules, told.append)
        assert all(len(str(one).splitlines()) == 1 for one in told), told
        read_xml(path, rules)


def _annotations() -> Iterator[bytes]:
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>4.5</ymax></bndbox>"
    yield (
        "<annotation><size><width>40</width><height>50</height></size><object>"
        f"<name>n02958343</name>{box}<difficult>1</difficult></object></annotation>"
    ).encode()
    yield b"<annotation><size><width>1</width><height>1</height></size></annotation>"


def _read_json(path: Path) -> None:
    read_json(path, max_bytes=1 << 20)
    told: list[object] = []
    parse_coco(path, told.append)
    assert all(len(str(one).splitlines()) == 1 for one in told), told
    parse_coco(path)


def _coco() -> Iterator[bytes]:
    document = {
        "images": [{"id": 7, "file_name": "a/b.jpg", "height": 30, "width": 40}],
        "categories": [{"id": 18, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 18, "bbox": [1.5, 2, 10, 9], "area": 90.0,
             "iscrowd": 0},
        ],
    }  # fmt: skip
    yield json.dumps(document).encode()
    yield b'{"images": [], "categories": [], "annotations": []}'


def _read_predictions(path: Path) -> None:
    refused = None
    for read in (read_predictions, read_blacklist):
        try:
            read(path, IMAGES, CLASSES)
        except ScoringFileError as error:
            refused = error
    if path.read_bytes()[:1] in (b"[", b"{"):
        read_coco_results(path, IMAGES, CLASSES)
    elif refused is not None:
        raise refused


def _predictions() -> Iterator[bytes]:
    yield b"1 18 0.5 1 2 3 4\n000005 1 1e-3 0 0 9.5 9\n\n"
    yield b"a n02958343\n2 n02958343\n"
    yield b'[{"image_id": 1, "category_id": 18, "bbox": [1, 2, 3, 4], "score": 0.5}]'


def _read_parquet(path: Path) -> None:
    with ProposalFile(path) as file:
        for image_id in file:
            file[image_id]
        file.id_of_path("x/one.jpg")


def _parquet() -> Iterator[bytes]:
    two = Proposals.of_one_source([[1, 2, 3, 4.5], [0, 0, 9, 8]], (8, 10), "b")
    rows = [ImageRow("one", "x/one.jpg", two), ImageRow("bad", "x/bad.jpg", "no picture")]
    for images in (rows, rows[:1]):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "boxes.parquet"
            run = Run.of_images(ProposalSettings(), [row.image_id for row in images])
            parts = Parts(path, run, [Picture(row.image_id, row.path) for row in images], size=9)
            parts.write(0, images)
            parts.finish()
            yield path.read_bytes()


def _read_safetensors(path: Path) -> None:
    refused = None
    for read in (load_member, read_multibox):
        try:
            read(path)
        except WeightsError as error:
            refused = error
    if refused is not None:
        raise refused


def _safetensors() -> Iterator[bytes]:
    header = {
        "format": "inception-rcnn member", "version": 2, "architecture": "GoogLeNet",
        "background": "output 0",
    }  # fmt: skip
    document = json.dumps({**header, **SETTINGS.to_document()})
    yield save_arrays({"classifier.bias": np.zeros(3, np.float16)}, {"member": document})
    multibox = {
        "format": "multibox", "version": 1, "head": "convolutional", "size": 320,
        "mean_rgb": [123.0, 117.0, 104.0],
    }  # fmt: skip
    priors = {"head.priors": np.array([[0, 0, 0.5, 0.5]], np.float32)}
    yield save_arrays(priors, {"multibox": json.dumps(multibox)})


def _read_caffemodel(path: Path) -> None:
    from backbones.weights.caffemodel import read_caffemodel  # and PyTorch

    read_caffemodel(path)


def _caffemodels() -> Iterator[bytes]:
    def field(number: int, content: bytes) -> bytes:
        return bytes([*_varint(number << 3 | 2), *_varint(len(content))]) + content

    blob = field(7, field(1, bytes([2, 1]))) + field(5, b"\0" * 8)
    yield field(100, field(1, b"conv1/7x7_s2") + field(7, blob))
    old = bytes([8, 1, 16, 1, 24, 1, 32, 2]) + field(5, b"\0" * 8)
    yield field(2, field(4, b"loss3/classifier") + field(6, old) + field(6, old))


def _varint(number: int) -> list[int]:
    return [number] if number < 128 else [number & 127 | 128, *_varint(number >> 7)]


def _read_onnx(path: Path) -> None:
    read_onnx(path)


def _onnx() -> Iterator[bytes]:
    graph = GraphBuilder()
    planes = graph.node("Transpose", ["windows"], perm=[0, 3, 1, 2])
    weight = graph.half_constant(np.ones((2, 3, 3, 3)), "weight")
    maps = graph.node("Conv", [graph.to_float(planes), weight], pads=[1] * 4)
    graph.node("Flatten", [graph.node("GlobalAveragePool", [maps])], output="probabilities")
    model = graph.build(
        "small",
        inputs={"windows": (np.uint8, ["N", 8, 8, 3])},
        outputs={"probabilities": (np.float32, ["N", 2])},
    )
    document = {
        "format": "inception-rcnn onnx", "version": 1, "arithmetic": "float32",
        "members": [SETTINGS.to_document()],
    }  # fmt: skip
    onnx.helper.set_model_props(model, {"inception-rcnn": json.dumps(document)})
    yield model.SerializeToString()


def _read_checkpoint(path: Path) -> None:
    from backbones.training.checkpoint import CheckpointError, load_checkpoint

    try:
        load_checkpoint(path, {"learning_rate": 0.1})
    except CheckpointError as error:
        raise WeightsError(str(error)) from error  # so that PyTorch is imported here alone


def _checkpoints() -> Iterator[bytes]:
    run = json.dumps({"step": 3, "settings": {"learning_rate": 0.1}})
    tensors = {"model.weight": np.ones((2, 2), np.float32)}
    yield save_arrays(tensors, {"format": "inception-rcnn checkpoint 3", "run": run})


TARGETS = {
    "pictures": Target(".jpg", _read_picture, ImageError, _pictures),
    "videos": Target(".mp4", _read_video, ImageError, _videos),
    "xml": Target(".xml", _read_xml, DatasetError, _annotations),
    "json": Target(".json", _read_json, DatasetError, _coco),
    "predictions": Target(".txt", _read_predictions, ValueError, _predictions),
    "parquet": Target(".parquet", _read_parquet, ProposalFileError, _parquet),
    "safetensors": Target(".safetensors", _read_safetensors, WeightsError, _safetensors),
    "caffemodel": Target(".caffemodel", _read_caffemodel, WeightsError, _caffemodels),
    "onnx": Target(".onnx", _read_onnx, WeightsError, _onnx),
    "checkpoints": Target(".safetensors", _read_checkpoint, WeightsError, _checkpoints),
}
"""The readers, by name."""

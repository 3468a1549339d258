from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from skimage import data
from torch import Tensor
from torchvision import models

from backbones import CropGeometry, ImageClassifier, WeightsError, crop_picture
from backbones.classification.imagenet import load_imagenet_classifier
from backbones.classification.torchvision_googlenet import load_torchvision_weights


@pytest.fixture(scope="module")
def theirs() -> models.GoogLeNet:
    """Return torchvision's network with its own way to turn colours, and auxiliary heads."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = models.googlenet(
            weights=None, aux_logits=True, transform_input=True, init_weights=False
        )
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # as if trained, so that nothing cancels
            torch.nn.init.normal_(module.running_mean, std=0.1)
    return network.eval()


@pytest.fixture(scope="module")
def published(theirs: models.GoogLeNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "googlenet.pth"
    torch.save(theirs.state_dict(), path)
    return path


def probabilities(classifier: ImageClassifier) -> Tensor:
    return torch.from_numpy(classifier.probabilities(data.chelsea()))


@torch.inference_mode()
def test_scores_are_those_of_torchvisions_own_network_and_input(
    theirs: models.GoogLeNet, published: Path
) -> None:
    classifier = load_imagenet_classifier(published, "torchvision", precision="float32")
    assert classifier.geometry is CropGeometry.SHORT_SIDE
    crops = crop_picture(data.chelsea(), 1, classifier.geometry)
    pixels = torch.from_numpy(crops.pixels).permute(0, 3, 1, 2) / 255
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    expected = theirs((pixels - mean) / deviation).softmax(dim=1)[0]
    torch.testing.assert_close(probabilities(classifier), expected, rtol=1e-4, atol=1e-7)


def test_safetensors_give_the_same_with_and_without_auxiliary_heads(
    theirs: models.GoogLeNet, published: Path, tmp_path: Path
) -> None:
    expected = load_torchvision_weights(published)
    state = {name: tensor.clone() for name, tensor in theirs.state_dict().items()}
    without = {name: tensor for name, tensor in state.items() if not name.startswith("aux")}
    for tensors in (state, without):
        save_file(tensors, tmp_path / "all.safetensors")
        found = load_torchvision_weights(tmp_path / "all.safetensors")
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in found)


def test_older_files_without_counts_of_batches_are_read(
    theirs: models.GoogLeNet, tmp_path: Path
) -> None:
    state = theirs.state_dict()
    old = {name: tensor for name, tensor in state.items() if not name.endswith("tracked")}
    torch.save(old, tmp_path / "old.pth")
    load_imagenet_classifier(tmp_path / "old.pth", "torchvision")


class Harmful:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, ...]]:
        return (Path.touch, (Path("harmed"),))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("write", "fault"),
    [
        pytest.param(lambda _path: None, "no such file", id="missing"),
        pytest.param(Path.touch, "not a whole file of tensors", id="empty"),
        pytest.param(lambda path: path.write_text("weights"), "not a whole file", id="text"),
        pytest.param(lambda path: torch.save(Harmful(), path), "not a whole file", id="code"),
        pytest.param(lambda path: torch.save([1], path), "no named tensors", id="list"),
        pytest.param(
            lambda path: torch.save({}, path), r"'conv1.bn.bias' is missing or not", id="no tensors"
        ),
        pytest.param(
            lambda path: torch.save(
                {**models.googlenet(init_weights=False).state_dict(), "x": 1}, path
            ),
            r"'x' is missing or not this network's \(1 such\)",
            id="one too many",
        ),
        pytest.param(
            lambda path: torch.save(
                models.googlenet(num_classes=5, init_weights=False).state_dict(), path
            ),
            r"'fc.weight' must have shape \(1000, 1024\) but is \(5, 1024\)",
            id="other classes",
        ),
    ],
)
def test_unusable_file_is_named_with_its_fault_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], object], fault: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bad.pth"
    write(path)
    with pytest.raises(WeightsError, match=fault) as caught:
        load_torchvision_weights(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "give torchvision's googlenet-1378be20.pth" in message
    assert "\n" not in message
    assert not (tmp_path / "harmed").exists()


def test_unknown_backbone_is_refused(published: Path) -> None:
    with pytest.raises(ValueError, match=r"must be one of \('bvlc', 'torchvision'\) but got 'vgg'"):
        load_imagenet_classifier(published, "vgg")

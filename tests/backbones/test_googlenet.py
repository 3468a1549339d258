from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from backbones import GoogLeNet


def build(num_classes: int = 10, *, auxiliary_heads: bool = False) -> GoogLeNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return GoogLeNet(num_classes, auxiliary_heads=auxiliary_heads)


def pictures(count: int, side: int) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    return (torch.rand(count, 3, side, side, generator=generator) - 0.5) * 255


@pytest.fixture(scope="module")
def network() -> GoogLeNet:
    return build().eval()


@pytest.fixture(scope="module")
def network_with_heads() -> GoogLeNet:
    return build(auxiliary_heads=True).eval()


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def test_has_the_papers_number_of_parameters() -> None:
    network = build(1000)
    assert sum(parameter.numel() for parameter in network.parameters()) == 6_998_552


def test_state_dict_names_are_those_of_the_paper(network: GoogLeNet) -> None:
    layers = {name.rsplit(".", 1)[0] for name in network.state_dict()}
    assert len(layers) == 3 + 9 * 6 + 1
    assert {"conv1", "conv2_reduce", "conv2", "classifier"} <= layers
    assert {"inception_3a.conv5x5_reduce", "inception_5b.pool_proj"} <= layers


def test_each_stage_has_the_shape_of_table_1() -> None:
    shapes: dict[str, tuple[int, ...]] = {}

    def record(name: str, module: nn.Module) -> None:
        module.register_forward_hook(
            lambda _module, _inputs, output: shapes.__setitem__(name, tuple(output.shape[1:]))
        )

    network = build(auxiliary_heads=True).eval()
    for name, module in network.named_children():
        record(name, module)
    network.forward_with_auxiliary(pictures(1, 224))
    assert shapes == {
        "conv1": (64, 112, 112),
        "lrn1": (64, 56, 56),
        "conv2_reduce": (64, 56, 56),
        "conv2": (192, 56, 56),
        "lrn2": (192, 56, 56),
        "inception_3a": (256, 28, 28),
        "inception_3b": (480, 28, 28),
        "inception_4a": (512, 14, 14),
        "inception_4b": (512, 14, 14),
        "inception_4c": (512, 14, 14),
        "inception_4d": (528, 14, 14),
        "inception_4e": (832, 14, 14),
        "inception_5a": (832, 7, 7),
        "inception_5b": (1024, 7, 7),
        "dropout": (1024,),
        "classifier": (10,),
        "auxiliary_4a": (10,),
        "auxiliary_4d": (10,),
    }


@pytest.mark.parametrize("count", [0, 1, 2])
def test_stem_and_trunk_make_up_the_features(network: GoogLeNet, count: int) -> None:
    x = pictures(count, 224)
    at_the_cut = network.stem(x)
    assert at_the_cut.shape == (count, 480, 14, 14)
    features = network.features(x)
    assert features.shape == (count, 1024)
    assert torch.equal(features, network.trunk(at_the_cut))
    assert torch.equal(network(x), network.classifier(features))


def test_single_picture_gives_what_a_batch_gives(network: GoogLeNet) -> None:
    x = pictures(3, 96)
    singles = torch.cat([network(picture[None]) for picture in x])
    torch.testing.assert_close(singles, network(x), rtol=1e-4, atol=1e-4)


def test_channels_last_gives_what_the_default_layout_gives() -> None:
    x = pictures(2, 96)
    expected = build().eval()(x)
    moved = build().eval().to(memory_format=torch.channels_last)
    last = x.contiguous(memory_format=torch.channels_last)
    assert moved.stem(last).is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(moved(last), expected, rtol=1e-4, atol=1e-4)


def test_bfloat16_autocast_stays_near_float32(network: GoogLeNet) -> None:
    x = pictures(2, 96)
    with torch.autocast("cpu", torch.bfloat16):
        half = network(x)
    assert half.dtype == torch.bfloat16
    exact = network(x)
    assert (half.float() - exact).norm() < 0.03 * exact.norm()


def test_dropout_acts_only_in_training_mode() -> None:
    network, x = build(), pictures(1, 64)
    network.eval()
    assert torch.equal(network(x), network(x))
    network.train()
    assert not torch.equal(network(x), network(x))
    assert torch.equal(network.features(x), network.features(x))


def test_default_dropout_is_the_papers(network_with_heads: GoogLeNet) -> None:
    shares = {
        name: module.p
        for name, module in network_with_heads.named_modules()
        if isinstance(module, nn.Dropout)
    }
    assert shares == {"dropout": 0.4, "auxiliary_4a.dropout": 0.7, "auxiliary_4d.dropout": 0.7}


def test_auxiliary_heads_leave_the_main_logits_as_they_are(network_with_heads: GoogLeNet) -> None:
    x = pictures(2, 224)
    logits = network_with_heads.forward_with_auxiliary(x)
    assert torch.equal(logits.main, network_with_heads(x))
    assert logits.auxiliary_4a.shape == logits.auxiliary_4d.shape == (2, 10)
    assert not torch.equal(logits.auxiliary_4a, logits.auxiliary_4d)


def test_auxiliary_logits_without_heads_are_refused(network: GoogLeNet) -> None:
    with pytest.raises(ValueError, match="set auxiliary_heads=True"):
        network.forward_with_auxiliary(pictures(1, 224))


def test_all_three_losses_reach_every_parameter() -> None:
    network = build(auxiliary_heads=True)
    with torch.enable_grad():
        logits = network.forward_with_auxiliary(pictures(2, 224))
        sum(one.square().sum() for one in logits).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_fresh_weights_are_caffes(network_with_heads: GoogLeNet) -> None:
    for name, parameter in network_with_heads.named_parameters():
        if name.endswith("bias"):
            assert (parameter == (0.0 if "classifier" in name else 0.2)).all(), name
        else:
            bound = math.sqrt(3 / parameter[0].numel())
            assert 0.97 * bound < parameter.abs().max() <= bound * (1 + 1e-6), name


def test_freeze_stem_leaves_only_the_trunk_in_training() -> None:
    network = build(auxiliary_heads=True)
    network.freeze_stem()
    with torch.enable_grad():
        assert not network.stem(pictures(1, 64)).requires_grad
    frozen = {n.split(".")[0] for n, p in network.named_parameters() if not p.requires_grad}
    assert frozen == {"conv1", "conv2_reduce", "conv2", "inception_3a", "inception_3b"}


def test_replaced_classifier_is_normal_and_leaves_the_features_as_they_are() -> None:
    network, x = build().eval(), pictures(1, 64)
    before = network.features(x)
    network.replace_classifier(201)
    assert network(x).shape == (1, 201)
    assert torch.equal(network.features(x), before)
    weight = network.classifier.weight
    assert weight.requires_grad
    assert weight.std().item() == pytest.approx(0.01, rel=0.02)
    assert (network.classifier.bias == 0).all()


def test_replaced_classifier_repeats_with_the_generators_seed() -> None:
    network, weights = build(), []
    for seed in (7, 7, 8):
        network.replace_classifier(5, std=0.1, generator=torch.Generator().manual_seed(seed))
        weights.append(network.classifier.weight.clone())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_generator_spares_the_global_random_state() -> None:
    network, before = build(), torch.random.get_rng_state()
    network.replace_classifier(5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_replaced_classifier_keeps_type_and_covers_the_auxiliary_heads() -> None:
    network = build(auxiliary_heads=True).to(torch.bfloat16)
    network.replace_classifier(3)
    heads = (network, network.auxiliary_4a, network.auxiliary_4d)
    assert [head.classifier.out_features for head in heads if head is not None] == [3, 3, 3]
    assert {parameter.dtype for parameter in network.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize("num_classes", [0, -3])
def test_refuses_a_number_of_classes_below_1(network: GoogLeNet, num_classes: int) -> None:
    with pytest.raises(ValueError, match=f"at least 1 but got {num_classes}"):
        GoogLeNet(num_classes)
    with pytest.raises(ValueError, match=f"at least 1 but got {num_classes}"):
        network.replace_classifier(num_classes)

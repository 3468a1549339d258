from __future__ import annotations

import pytest
import torch

from backbones.hardware import choose_device, choose_dtype


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_named_precision_is_obeyed(name: str) -> None:
    assert choose_dtype(name, torch.device("cpu")) == getattr(torch, name)


def test_automatic_choices_are_usable_here() -> None:
    device = choose_device("auto")
    assert device.type in {"cpu", "cuda"}
    assert choose_dtype("auto", device) in {torch.float32, torch.bfloat16}


def test_a_precision_that_torch_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="torch has no precision 'int8': choose from float32"):
        choose_dtype("int8", torch.device("cpu"))


@pytest.mark.parametrize("name", ["gpu", "", "cuda:", "nonsense"])
def test_a_device_that_torch_does_not_know_is_refused_with_the_names(name: str) -> None:
    with pytest.raises(ValueError, match=f"device '{name}' is none .*: use cpu, or cuda for a GPU"):
        choose_device(name)


def test_a_device_that_is_not_here_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match=r"device 'cuda:99' cannot be used here \(.+\): use cpu"):
        choose_device("cuda:99")


def test_a_device_that_can_compute_is_obeyed() -> None:
    assert choose_device("cpu") == torch.device("cpu")

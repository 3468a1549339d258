"""Checkpoints of a training run: tensors and plain JSON, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from foundation.files import whole_file
from foundation.spelling import one_line
from foundation.tensor_file import WeightsError, check_size

_FORMAT = "inception-rcnn checkpoint 3"
_OPTIMIZER = "optimizer."
_MODEL = "model."
_AVERAGE = "average."


class CheckpointError(ValueError):
    """A checkpoint that cannot be resumed from."""


class Checkpoint(NamedTuple):
    """A run after ``step`` steps."""

    step: int
    model: dict[str, Tensor]
    optimizer: dict[str, Tensor]  # by «what: parameter name»
    average: dict[str, Tensor]  # of a mean of the weights; empty where none is taken


def save_checkpoint(
    path: Path,
    step: int,
    settings: Mapping[str, Any],
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: nn.Module | None = None,
) -> None:
    """Write the state of a run; an older checkpoint stands until the new one is complete.

    ``settings`` are those that must not change when the run is resumed. ``average`` holds a
    mean of the weights.
    """
    tensors = {_MODEL + name: tensor for name, tensor in network.state_dict().items()}
    for name, parameter in network.named_parameters():
        for what, value in optimizer.state.get(parameter, {}).items():
            if value is not None:  # as SGD has it where a parameter never saw a gradient
                tensors[f"{_OPTIMIZER}{what}:{name}"] = value
    if average is not None:
        tensors |= {_AVERAGE + name: tensor for name, tensor in average.state_dict().items()}
    # Contiguous copies: the file format knows no channels-last layout.
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {"format": _FORMAT, "run": json.dumps({"step": step, "settings": dict(settings)})}
    with whole_file(path) as temporary:
        # save_file would let nobody but the owner read it.
        temporary.write_bytes(save(tensors, metadata))


def load_checkpoint(path: Path, settings: Mapping[str, Any]) -> Checkpoint:
    """Read a checkpoint and make sure that it belongs to this run.

    Raises
    ------
    CheckpointError
        If the file is damaged, is something else, or was made with other settings.
    """
    try:
        check_size(path, "delete it to start anew")
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, WeightsError, KeyError, AttributeError) as error:
        raise CheckpointError(
            f"{path}: cannot be read ({one_line(error)}); delete it to start anew"
        ) from None
    if metadata.get("format") != _FORMAT:
        raise CheckpointError(f"{path}: not a checkpoint of this tool; name another --out folder")
    step, before = _run(path, metadata)
    changed = [key for key in settings if before.get(key) != settings[key]]
    if changed:
        key = changed[0]
        raise CheckpointError(
            f"{path}: the run was started with {key} = {one_line(repr(before.get(key)))}, now it is"
            f" {settings[key]!r}; use the old value, or another --out folder for a new run"
        )
    return Checkpoint(
        step=step,
        model=_with_prefix(tensors, _MODEL),
        optimizer=_with_prefix(tensors, _OPTIMIZER),
        average=_with_prefix(tensors, _AVERAGE),
    )


def _run(path: Path, metadata: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """Return the step of a checkpoint and the settings that it was made with."""
    try:
        run = json.loads(metadata["run"])
        step, settings = run["step"], run["settings"]
    except (KeyError, TypeError, ValueError, RecursionError):
        step, settings = None, None
    if type(step) is not int or step < 0 or not isinstance(settings, dict):
        raise CheckpointError(f"{path}: does not say of which run it is; delete it to start anew")
    return step, settings


def restore(checkpoint: Checkpoint, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put a checkpoint's state into a network and its optimizer.

    Raises
    ------
    CheckpointError
        If the tensors are not those of this network.
    """
    try:
        network.load_state_dict(checkpoint.model)
    except RuntimeError as error:  # names of tensors or shapes
        raise CheckpointError(
            f"the checkpoint is of another network ({one_line(error)}); delete it to start anew"
        ) from None
    parameters = dict(network.named_parameters())
    for key, value in checkpoint.optimizer.items():
        what, _, name = key.partition(":")
        if name not in parameters:
            raise CheckpointError(
                f"the checkpoint holds '{one_line(key)}', which is of no parameter here; delete it"
                " to start anew"
            )
        parameter = parameters[name]
        # In the parameter's own memory layout, so that sums keep their order.
        kept = torch.empty_like(parameter) if value.shape == parameter.shape else value.clone()
        optimizer.state[parameter][what] = kept.copy_(value)


def _with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }

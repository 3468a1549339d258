"""Several processes that train one network together, started by ``torchrun``.

Each computes the gradient of its share of every batch; the sums are exchanged, so that all
take the same step. One process alone is the same with a share of everything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, distributed
from torch.nn import Parameter


@contextmanager
def joined_processes() -> Iterator[None]:
    """Join the processes that ``torchrun`` started; do nothing where it started none."""
    if "WORLD_SIZE" not in os.environ:
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
        distributed.barrier()  # nobody leaves while another may still wait for its sums
    finally:
        distributed.destroy_process_group()


def process_rank() -> int:
    """Return this process's number; 0 where it is alone."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def process_count() -> int:
    """Return the number of processes that train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def sum_gradients(parameters: Sequence[Parameter]) -> None:
    """Replace each gradient by its sum over the processes, in one exchange."""
    if process_count() == 1:
        return
    for parameter in parameters:
        if parameter.grad is None:  # a process without a share of this batch
            parameter.grad = torch.zeros_like(parameter)
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    sizes = [gradient.numel() for gradient in gradients]
    for gradient, summed in zip(gradients, torch.split(flat, sizes), strict=True):
        gradient.copy_(summed.view_as(gradient))


def summed(values: Tensor) -> Tensor:
    """Return the sum of a tensor over the processes."""
    if process_count() > 1:
        distributed.all_reduce(values)
    return values


def wait_for_all() -> None:
    """Return when all processes have come here."""
    if process_count() > 1:
        distributed.barrier()

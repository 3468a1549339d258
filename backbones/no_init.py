"""Build a network whose weights are about to be read, without drawing fresh ones first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch.overrides import TorchFunctionMode


class NoInit(TorchFunctionMode):
    """A context in which ``torch.nn.init`` leaves tensors as they are, and draws nothing.

    What is built in it holds whatever the memory held: every weight must be overwritten.
    torch's own ways (``skip_init``, the meta device) import for a second at their first use.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the function returns
        """Call a function of torch unless it initialises."""
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":  # not every one has a module
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)

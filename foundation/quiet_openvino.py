"""OpenVINO without its telemetry: the only place that imports it.

``import openvino`` loads OpenVINO's converter of models as well. That one reports the import to
Google Analytics, under a number that it writes to ``~/intel/openvino_ga_cid``, with a count of the
imports in ``~/intel/stats``. It does not if ``~/intel/openvino_telemetry`` holds a 0, if the
variable ``CI`` is ``true``, or if the package ``openvino_telemetry`` cannot be imported; then
OpenVINO takes a stand-in of its own that does nothing. Here that package cannot be imported while
OpenVINO is. All others write::

    from foundation.quiet_openvino import openvino

A program that imports OpenVINO itself, before it imports this package, has its telemetry as before.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _without(package: str) -> Iterator[None]:
    """Let a package be as if it were not installed."""
    before = sys.modules.pop(package, None)
    sys.modules[package] = None  # type: ignore[assignment]  # the import system's word for it
    try:
        yield
    finally:
        del sys.modules[package]
        if before is not None:
            sys.modules[package] = before


with _without("openvino_telemetry"):
    import openvino as openvino

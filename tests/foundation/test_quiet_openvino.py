from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """if True:
    import sys
    asked = []
    sys.addaudithook(lambda event, _: asked.append(event) if event.startswith("socket.") else None)
    {before}
    from foundation.quiet_openvino import openvino
    import importlib.util, threading
    assert openvino.Core().available_devices
    assert importlib.util.find_spec("openvino_telemetry")
    assert [one for one in threading.enumerate() if not one.daemon] == [threading.main_thread()]
    assert not asked, asked
    {after}
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "import openvino_telemetry"),
        (
            "import openvino_telemetry as before",
            "assert before is sys.modules['openvino_telemetry']",
        ),
    ],
)
def test_openvino_asks_nobody_and_writes_nothing_home(
    before: str, after: str, tmp_path: Path
) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "CI": ""}
    program = PROGRAM.format(before=before, after=after)
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []


def test_the_import_fails_as_usual_without_openvino() -> None:
    program = """if True:
        import sys
        sys.modules["openvino"] = None
        try:
            from foundation.quiet_openvino import openvino
        except ImportError:
            sys.exit("openvino_telemetry" in sys.modules)
    """
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

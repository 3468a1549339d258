"""The class of docs/neighbours.md for Hugging Face's Hub, run as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from detector.members.models import open_model

ROOT = Path(__file__).parents[2]


def test_the_hubs_mixin_saves_and_loads_a_model_without_network(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="the test extra brings it by way of datasets")
    text = (ROOT / "docs" / "neighbours.md").read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (program,) = (one for one in programs if "ModelHubMixin" in one)
    (tmp_path / "recipe.py").write_text(program, encoding="utf-8")
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hugging_face")}
    ended = subprocess.run(
        [sys.executable, "recipe.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | offline,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"True {len(open_model().classes)}\n"
    names = {path.name for path in (tmp_path / "hub").iterdir()}
    assert {"ensemble.json", "README.md"} < names
    assert all(name.endswith((".safetensors", ".json", ".md")) for name in names)

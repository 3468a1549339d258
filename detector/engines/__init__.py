"""What runs the networks: PyTorch, or OpenVINO on an ONNX graph; all by one protocol."""

from __future__ import annotations

from detector.engines.choice import make_engine, make_onnx_engine
from detector.engines.engine import Engine, Piece, mean_scores

__all__ = ["Engine", "Piece", "make_engine", "make_onnx_engine", "mean_scores"]

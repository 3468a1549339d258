"""JSON from strangers: of a likely size and depth, each key once, finite numbers only."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from detector.datasets.problems import Problem, refuse
from detector.datasets.reading.text_file import read_text, shown

MAX_DEPTH: Final = 64


def read_json(path: Path | str, *, max_bytes: int) -> Any:  # noqa: ANN401 - what JSON can hold
    """Read a file of JSON.

    Parameters
    ----------
    path : Path or str
    max_bytes : int
        A larger file is refused before it is read.

    Returns
    -------
    dict, list, str, int, float, bool or None

    Raises
    ------
    DatasetError
        If the file cannot be read, is too large, not UTF-8 (a byte order mark may be there) or
        not JSON; if it is nested deeper than 64 levels, an object holds a key twice, or a number
        is not finite. The message is one line that names the file, the place and the remedy.
    """
    path = Path(path)
    text = read_text(path, max_bytes)
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
        _check_inside(value)
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno}, column {error.colno}"
        refuse(Problem(path, f"not JSON ({where}): correct it, or fetch it again"))
    except _RefusedError as error:
        refuse(Problem(path, str(error)))
    except RecursionError:
        refuse(Problem(path, _TOO_DEEP))
    except ValueError:  # of int(), which reads no more than 4,300 digits
        refuse(Problem(path, "holds a whole number of thousands of digits: correct it"))
    return value


_TOO_DEEP: Final = f"nested deeper than {MAX_DEPTH} levels: no such file should be"


class _RefusedError(ValueError):
    """Well-formed JSON that is not taken."""


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise _RefusedError(f"an object holds the key {shown(twice)} twice: keep one of them")
    return found


def _constant(name: str) -> float:
    raise _RefusedError(f"holds {name}, which is no number of JSON: correct the value")


def _check_inside(value: object) -> None:
    """Refuse what others would recurse into too deeply, and numbers beyond all floats."""
    level: list[Any] = [[value]]
    for _ in range(MAX_DEPTH + 1):
        inside = [parent.values() if isinstance(parent, dict) else parent for parent in level]
        if any(math.inf in values or -math.inf in values for values in inside):
            raise _RefusedError("holds a number that is too large, such as 1e999: correct it")
        level = [value for values in inside for value in values if isinstance(value, dict | list)]
        if not level:
            return
    raise _RefusedError(_TOO_DEEP)

"""HTML that is escaped unless it says that it is HTML."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

_VOID: Final = frozenset({"meta", "img", "line", "path", "circle"})


class Markup(str):
    """Text that is HTML already; any other text is taken as it is read, and escaped."""

    __slots__ = ()


Content = str | Iterable["Content"]
"""Text, `Markup`, or any number of them."""


def element(name: str, /, *content: Content, **attributes: str | float | None) -> Markup:
    """Return an element with its content.

    Parameters
    ----------
    name : str
        Of the tag.
    content : str, Markup, or iterables of them
        Strings that are no `Markup` are escaped.
    attributes : str or number
        Escaped; left out where None. In names, an underscore at the end is dropped, and others
        become hyphens: ``class_="chart"``, ``aria_label="..."``.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{given}/>")
    return Markup(f"<{name}{given}>{join(*content)}</{name}>")


def join(*content: Content) -> Markup:
    """Return contents one after another."""
    return Markup("".join(_pieces(content)))


def _pieces(content: Content) -> Iterable[str]:
    if isinstance(content, Markup):
        yield content
    elif isinstance(content, str):
        yield escape(content)
    else:
        for one in content:
            yield from _pieces(one)

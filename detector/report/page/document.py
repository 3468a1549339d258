"""A page of sections: its head, its contents, and nothing that has to be fetched."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from typing import Final, NamedTuple

from detector.report.page.markup import Content, Markup, element, join

_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Nothing is fetched and no script runs, even if something got past the escaping."""


class Section(NamedTuple):
    """A part of a page, with the id that links lead to; without content it is left out."""

    key: str
    title: str
    content: Content


def render_document(
    title: str, heading: str, introduction: Content, sections: Iterable[Section]
) -> str:
    """Return a page as HTML; all that is no `Markup` is escaped.

    Parameters
    ----------
    title : str
        Of the window.
    heading : str
        What kind of page it is.
    introduction : Content
        Stands under the heading, above the contents.
    sections : iterable of Section
        In their order.
    """
    filled = [(one, content) for one in sections if (content := join(one.content))]
    body = element(
        "body",
        element("header", element("h1", heading), introduction),
        _contents([one for one, _ in filled]),
        element(
            "main",
            [
                element("section", element("h2", one.title), content, id=one.key)
                for one, content in filled
            ],
        ),
    )
    return f"<!DOCTYPE html>\n{element('html', _head(title), body, lang='en')}\n"


def _head(title: str) -> Markup:
    style = files("detector.report.page").joinpath("style.css").read_text(encoding="utf-8")
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(style)),
    )


def _contents(sections: list[Section]) -> Content:
    if not sections:
        return ""
    links = [element("li", element("a", one.title, href=f"#{one.key}")) for one in sections]
    return element("nav", element("ul", links), aria_label="Contents")

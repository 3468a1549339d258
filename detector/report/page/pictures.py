"""Figures with pictures, as all galleries show them."""

from __future__ import annotations

from collections.abc import Sequence

from detector.report.page.gallery import Thumbnail
from detector.report.page.markup import Content, Markup, element
from detector.report.page.tables import plural


def picture_figure(
    one: Thumbnail, alt: str, what: Content, small: str, key: str | None = None
) -> Markup:
    """Return a picture with a caption.

    Parameters
    ----------
    one : Thumbnail
    alt : str
        For those who do not see it.
    what, small : Content, str
        The caption, and what stands below it.
    key : str, optional
        Id, by which links lead to it.
    """
    height, width = one.size
    return element(
        "figure",
        element("img", src=one.data_url, alt=alt, width=width, height=height, loading="lazy"),
        element("figcaption", what, element("small", small)),
        id=key,
    )


def legend_of_boxes() -> Markup:
    """Return what the colours of the boxes are."""
    return element(
        "p",
        element("span", element("span", class_="swatch object"), "object"),
        element("span", element("span", class_="swatch detection"), "detection"),
        class_="legend",
    )


def note_of_skipped(skipped: Sequence[str]) -> Content:
    """Return why pictures are left out, or nothing where none is."""
    if not skipped:
        return ""
    return element(
        "p",
        f"{plural(len(skipped), 'picture')} could not be read; the first: {skipped[0]}",
        class_="note",
    )

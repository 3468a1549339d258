"""The images on which two detectors differ most, as pictures where they are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from detector.classes import ObjectClass
from detector.report.analysis.differing import ImageDifference, differing_images
from detector.report.analysis.facts import ComparisonFacts
from detector.report.page.gallery import whole_thumbnail
from detector.report.page.markup import Content, Markup, element, join
from detector.report.page.pictures import note_of_skipped, picture_figure
from detector.report.page.tables import count, plural, table
from proposals.images import ImageError

_MOST_IMAGES: Final = 12  # on which one of the two does better


def differing(facts: ComparisonFacts) -> Markup:
    """Return the images on which each of the two does better, as pictures where they lie."""
    first, second = facts.evaluations
    classes = [one for one in first.classes if one in facts.comparison.by_class]
    better, worse = differing_images(first, second, classes, _MOST_IMAGES)
    if not better and not worse:
        return Markup()
    return join(
        element(
            "p",
            "Each detector's detections count from the best F1 of their class on. The order is by"
            " the objects that are found more and the false detections that are fewer.",
        ),
        _list_of_images(facts, "The second does better", better),
        _list_of_images(facts, "The first does better", worse),
    )


def _list_of_images(
    facts: ComparisonFacts, title: str, images: Sequence[ImageDifference]
) -> Content:
    if not images:
        return ""
    shown, skipped, rest = _pictures(facts, images)
    return [
        element("h3", title),
        element("div", shown, class_="gallery") if shown else "",
        note_of_skipped(skipped),
        _image_table(facts, title, rest) if rest else "",
    ]


def _pictures(
    facts: ComparisonFacts, images: Sequence[ImageDifference]
) -> tuple[list[Markup], list[str], list[ImageDifference]]:
    """Return figures, why some could not be made, and the images without a picture."""
    shown, skipped, rest = [], [], []
    for one in images:
        name = facts.evaluations[0].image_ids[one.image]
        try:
            thumbnail = whole_thumbnail(one.image, facts.pictures[name])
        except (KeyError, ImageError) as error:
            rest.append(one)
            if isinstance(error, ImageError):
                skipped.append(str(error))
            continue
        what = (
            f"Of {plural(one.objects, 'object')} the first finds {one.found[0]}, the second"
            f" {one.found[1]}; false: {one.false[0]} and {one.false[1]}"
        )
        caption = [what, element("small", _by_class(one))]
        shown.append(picture_figure(thumbnail, f"{what}, in {name}", caption, name))
    return shown, skipped, rest


def _image_table(facts: ComparisonFacts, title: str, images: Sequence[ImageDifference]) -> Markup:
    rows: list[list[Content]] = [
        [
            element(
                "span",
                facts.evaluations[0].image_ids[one.image],
                element("small", _by_class(one)),
            ),
            count(one.objects),
            *(count(value) for value in (*one.found, *one.false)),
        ]
        for one in images
    ]
    head = ["Image", "Objects", "Found, first", "second", "False, first", "second"]
    return table(f"{title}: images", head, rows, kind="numbers")


def _by_class(one: ImageDifference) -> str:
    """Write what the second finds more in an image, and what it has more false detections of."""
    found = [f"{name_of(key)} {_signed(value)}" for key, value in one.more_found.items()]
    false = [f"false {name_of(key)} {_signed(value)}" for key, value in one.more_false.items()]
    return ", ".join([*found, *false])


def _signed(value: int) -> str:
    return f"{value:+d}".replace("-", "\u2212")


def name_of(one: ObjectClass) -> str:
    """Return the name of a class, with spaces."""
    return one.name.replace("_", " ")

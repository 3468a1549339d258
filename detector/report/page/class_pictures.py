"""Pictures of each class, to which its row and the cells of the confusion matrix lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from detector.report.analysis.analysis import Analysis
from detector.report.analysis.confusion import Confusion
from detector.report.analysis.examples import choose_examples, owner_of, shown_cell
from detector.report.analysis.facts import Facts
from detector.report.analysis.occurrences import Cell
from detector.report.page.gallery import Pair, Thumbnail, image_of, thumbnails
from detector.report.page.markup import Content, Markup, element, join
from detector.report.page.pictures import legend_of_boxes, note_of_skipped, picture_figure
from detector.report.page.tables import count, number
from detector.scoring.records import IntArray

MOST_CLASSES: Final = 20
"""Classes of a confusion matrix that is still read; of more, the ones confused most."""
_SIDE: Final = 180  # pixels


@dataclass(frozen=True)
class ClassPictures:
    """The pictures of the classes, and where links to them lead.

    Attributes
    ----------
    content : Content
        A gallery a class; nothing where there is no picture.
    of_class : mapping of int to str
        Where the pictures of a class begin, by class id.
    of_cell : mapping of Cell to str
        Where those of a cell of the matrix that is shown begin.
    """

    content: Content = ""
    of_class: Mapping[int, str] = field(default_factory=dict)
    of_cell: Mapping[Cell, str] = field(default_factory=dict)


def shown_classes(confusion: Confusion) -> Sequence[int]:
    """Return the ids of the classes that the matrix shows by themselves."""
    if len(confusion.class_ids) <= MOST_CLASSES:
        return confusion.class_ids
    return confusion.most_confused(MOST_CLASSES)


def class_pictures(facts: Facts, analysis: Analysis, order: Sequence[int]) -> ClassPictures:
    """Draw some of what each class's objects and detections came to.

    Parameters
    ----------
    facts : Facts
    analysis : Analysis
    order : sequence of int
        Ids of the classes, in the order of their galleries.
    """
    occurrences, confusion = analysis.occurrences, analysis.confusion
    places = confusion.places(shown_classes(confusion))
    chosen = choose_examples(occurrences, places)
    pairs_of = {
        cell: [(int(occurrences.detections[row]), int(occurrences.objects[row])) for row in rows]
        for cell, rows in chosen.items()
    }
    drawn, skipped = _draw(facts, analysis, [pair for some in pairs_of.values() for pair in some])
    gallery = _Gallery(facts, analysis, drawn)
    cells_of: dict[int, list[Cell]] = {}
    for cell, pairs in pairs_of.items():
        if any(pair in drawn for pair in pairs):
            owner = owner_of(cell, len(confusion.class_ids))
            cells_of.setdefault(confusion.class_ids[owner], []).append(cell)
    if not cells_of:
        return ClassPictures()
    return ClassPictures(
        join(
            element(
                "p",
                "What became of the objects of each class, and what was detected as it in the"
                " background, from the best F1 of the class on: the surest detections and the"
                " largest missed objects. What was taken for the class stands with what it is.",
            ),
            legend_of_boxes(),
            [
                gallery.of_class(class_id, cells_of[class_id], pairs_of)
                for class_id in order
                if class_id in cells_of
            ],
            note_of_skipped(skipped),
        ),
        {class_id: class_key(class_id) for class_id in cells_of},
        _keys_of_shown(confusion, places, [c for cells in cells_of.values() for c in cells]),
    )


def class_key(class_id: int) -> str:
    """Return the id of a class's gallery."""
    return f"class-{class_id}"


def _draw(
    facts: Facts, analysis: Analysis, pairs: list[Pair]
) -> tuple[dict[Pair, Thumbnail], list[str]]:
    """Return the thumbnails by what they show; each picture is read once."""
    matches = analysis.matches
    by_image = sorted(pairs, key=lambda pair: image_of(matches, *pair))
    drawn, skipped = thumbnails(matches, facts.annotations, by_image, _SIDE)
    return {(one.detection, one.object): one for one in drawn}, skipped


def _keys_of_shown(confusion: Confusion, places: IntArray, cells: list[Cell]) -> dict[Cell, str]:
    """Return where the commonest cell that was drawn stands, by the cell that is shown."""
    keys: dict[Cell, str] = {}
    for cell in sorted(cells, key=lambda one: -int(confusion.counts[one])):
        keys.setdefault(shown_cell(cell, places), _cell_key(confusion, cell))
    return keys


def _cell_key(confusion: Confusion, cell: Cell) -> str:
    ids = confusion.class_ids
    there = ids[cell[0]] if cell[0] < len(ids) else "background"
    detected = ids[cell[1]] if cell[1] < len(ids) else "missed"
    return f"cell-{there}-{detected}"


@dataclass(frozen=True)
class _Gallery:
    """What the galleries of all classes are made of."""

    facts: Facts
    analysis: Analysis
    drawn: Mapping[Pair, Thumbnail]

    def of_class(
        self, class_id: int, cells: list[Cell], pairs_of: Mapping[Cell, list[Pair]]
    ) -> Markup:
        """Return the gallery of a class: what was found of it first, then by number."""
        counts = self.analysis.confusion.counts
        cells = sorted(cells, key=lambda cell: (cell[0] != cell[1], -int(counts[cell])))
        figures = [self._figures(cell, pairs_of[cell]) for cell in cells]
        return join(
            element(
                "h3",
                self.facts.name_of(class_id),
                element("small", element("a", "back to the classes", href="#classes")),
                id=class_key(class_id),
            ),
            element("div", figures, class_="gallery small"),
        )

    def _figures(self, cell: Cell, pairs: list[Pair]) -> list[Markup]:
        confusion = self.analysis.confusion
        of_all = count(int(confusion.counts[cell]))
        key: str | None = _cell_key(confusion, cell)
        figures: list[Markup] = []
        for pair in pairs:
            if (one := self.drawn.get(pair)) is None:
                continue
            what = self._what(cell, one)
            name = self.facts.annotations[one.image_index].image_id
            alt = f"{self._owner_name(cell)}: {what}, in {name}"
            small = f"{len(figures) + 1} of {of_all}; {name}"
            figures.append(picture_figure(one, alt, what, small, key))
            key = None
        return figures

    def _owner_name(self, cell: Cell) -> str:
        ids = self.analysis.confusion.class_ids
        return self.facts.name_of(ids[owner_of(cell, len(ids))])

    def _what(self, cell: Cell, one: Thumbnail) -> str:
        ids, matches = self.analysis.confusion.class_ids, self.analysis.matches
        if cell[1] == len(ids):
            x1, y1, x2, y2 = matches.ground_truth.boxes_xyxy[one.object].tolist()
            return f"missed, {x2 - x1:.0f} \u00d7 {y2 - y1:.0f} px"
        score = number(float(matches.predictions.scores[one.detection]), 2)
        if cell[0] == len(ids):
            return f"in the background {score}"
        if cell[0] == cell[1]:
            return f"found {score}"
        return f"detected as {self.facts.name_of(ids[cell[1]])} {score}"

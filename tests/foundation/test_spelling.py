from __future__ import annotations

import pytest

from foundation.spelling import did_you_mean, one_line

KNOWN = ("dog", "domestic_cat", "traffic light", "eval-map", "Person")


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("dgo", "dog"),
        ("domestic cat", "domestic_cat"),
        ("Domestik-Cat", "domestic_cat"),
        ("trafic_light", "traffic light"),
        ("eval_map", "eval-map"),
        ("PERSON", "Person"),
        ("cat", "domestic_cat"),  # one of its words
        ("light", "traffic light"),
    ],
)
def test_the_name_that_is_alike_is_offered(word: str, name: str) -> None:
    assert did_you_mean(word, KNOWN) == f" (did you mean '{name}'?)"


@pytest.mark.parametrize("word", ["unicorn", "", "x"])
def test_nothing_is_offered_where_nothing_is_alike(word: str) -> None:
    assert did_you_mean(word, KNOWN) == ""


def test_of_many_names_the_most_alike_are_offered() -> None:
    offered = did_you_mean("lamp1", [f"lamp{number}" for number in range(10)])
    assert offered.startswith(" (did you mean 'lamp1' or ")
    assert offered.count("lamp") == 3


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("", ""),
        ("two\n  lines", "two lines"),
        ("red \x1b[31m, bell \a, \x9b1m, \u202e", "red ?[31m, bell ?, ?1m, ?"),
        ("Käse, 猫", "Käse, 猫"),
        (ValueError("what it says"), "what it says"),
        ("x" * 1000, "x" * 200),
    ],
)
def test_what_a_file_says_is_shown_on_one_line_without_control_characters(
    told: object, shown: str
) -> None:
    assert one_line(told) == shown

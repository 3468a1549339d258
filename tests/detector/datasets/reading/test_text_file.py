from __future__ import annotations

import pytest

from detector.datasets.reading.text_file import leads_astray, shown


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "000005",
        "a/b/c",
        "a.b",
        ".hidden",
        "...",
        "a b",
        "Screenshot\u202fPM",
        "ä/ö",
        "x" * 240,
    ],
)
def test_names_of_files_in_a_folder_are_taken(name: str) -> None:
    assert not leads_astray(name)


@pytest.mark.parametrize(
    "name",
    [
        "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "a/./b", "./a",
        "a\\b", "..\\a", "C:a", "c:/a", "a\0", "a\nb", "a\x7f", "\udc80", "x" * 241, "ä" * 121,
        "a/" + "x" * 300,
    ],
)  # fmt: skip
def test_what_leads_elsewhere_is_seen(name: str) -> None:
    assert leads_astray(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "''"),
        ("a\nb", r"'a\nb'"),
        ("x" * 60, repr("x" * 60)),
        ("x" * 61, repr("x" * 60 + "...")),
    ],
)
def test_texts_are_shown_on_one_line(text: str, expected: str) -> None:
    assert shown(text) == expected

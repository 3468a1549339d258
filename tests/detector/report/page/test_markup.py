from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from detector.report.page.markup import Markup, element, join

# What HTML cannot hold: a null is no character of it, and a carriage return becomes a line feed.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))


class Reader(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(texts, texts)
def test_text_and_attributes_come_back_as_they_were(text: str, attribute: str) -> None:
    read = Reader(element("p", text, title=attribute))
    assert read.tags == [("p", {"title": attribute})]
    assert read.text == text


def test_markup_is_kept_and_what_holds_it_is_flattened() -> None:
    inner = element("b", "a & b")
    assert element("p", "<", [inner, [" ", Markup("&nbsp;")]]) == (
        "<p>&lt;<b>a &amp; b</b> &nbsp;</p>"
    )
    assert join() == ""


def test_attributes_are_named_for_python_and_none_is_left_out() -> None:
    assert element("img", src="a", alt="", class_=None) == '<img src="a" alt=""/>'
    assert element("div", class_="x", aria_label="y", width=3) == (
        '<div class="x" aria-label="y" width="3"></div>'
    )

"""Words in messages: what somebody may have meant, and what strangers' files say."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

_MOST_SHOWN: Final = 3
_LONG: Final = 200


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return `` (did you mean 'dog'?)``, or nothing where no known name is like the word.

    Alike are names with nearly the same letters, and names of several words, parted by spaces,
    underscores or hyphens, of which one is the word. Neither case nor what parts words counts.

    Parameters
    ----------
    word : str
    known : collection of str
    """
    by_form = {_form(name): name for name in known}
    form = _form(word)
    alike = get_close_matches(form, by_form, n=_MOST_SHOWN)
    alike += [one for one in by_form if form in one.split() and one not in alike]
    if not alike:
        return ""
    names = " or ".join(f"'{by_form[one]}'" for one in alike[:_MOST_SHOWN])
    return f" (did you mean {names}?)"


def one_line(told: object) -> str:
    """Return a text, or what an error says, as one line that a terminal can show.

    Libraries quote what stands in a file; a terminal would obey its control characters.
    """
    words = " ".join(str(told).split())[:_LONG]
    return "".join(letter if letter.isprintable() else "?" for letter in words)


def _form(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())

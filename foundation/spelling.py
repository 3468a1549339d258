"""What somebody may have meant who wrote a name that is not known."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

_MOST_SHOWN: Final = 3


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


def _form(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())

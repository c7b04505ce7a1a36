"""Small pieces of English from which rules make their sentences.

Invariants: deterministic; the same words always give the same phrase.
"""

from collections.abc import Iterable


def named(word: str) -> str:
    """Return a word of the pack as people read it: ``chief-inspector`` as *chief inspector*."""
    return word.replace("-", " ").replace("_", " ")


def a(word: str) -> str:
    """Return a word of the pack with its article."""
    return f"{'an' if word[:1] in 'aeiou' else 'a'} {named(word)}"


def listing(items: Iterable[str], joined_by: str = "and") -> str:
    """Return items as a list within a sentence; ``nothing`` if there are none."""
    every = tuple(items)
    if not every:
        return "nothing"
    *first, last = every
    return f"{', '.join(first)} {joined_by} {last}" if first else last


def words(items: Iterable[str], joined_by: str = "and") -> str:
    """Return words of the pack as a list within a sentence."""
    return listing(map(named, items), joined_by)


def counted(n: float, noun: str) -> str:
    """Return a number with its noun: *1 hour*, *24 hours*, *0.5 km²* (units stay as they are)."""
    number = f"{n:,}" if isinstance(n, int) else f"{n:,.12g}"
    is_unit = not noun.replace(" ", "").isalpha()
    return f"{number} {noun}" if n == 1 or is_unit else f"{number} {noun}s"


def sentence(text: str) -> str:
    """Return a text with a capital at its beginning and a full stop at its end."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def within_sentence(title: str) -> str:
    """Return a title as it stands within a sentence; an abbreviation stays as it is."""
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def either(condition: bool, if_so: str, if_not: str) -> str:
    """Return one of two sentences."""
    return if_so if condition else if_not

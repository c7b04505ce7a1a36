"""The alike pairs of a list side by side, for a person to decide what they are.

Invariants: the file is readable by its owner alone.
Must not: fetch anything: an HTML sheet holds its pictures and runs nothing.
"""

import base64
import hashlib
import html
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from overt.cli.watchlist_view import OpenedList
from overt.core.errors import InputError, StorageError, UsageError
from overt.core.ids import EntryId, PersonId, Sha256
from overt.store.looks import look_at_list
from overt.watchlist.decisions import LikelyPair, Relation
from overt.watchlist.stored import CardIndex

MAX_PAIRS_SHOWN: Final = {".html": 500, ".png": 60}
PICTURE_PX: Final = 220
TEXT_PX: Final = 46
GAP_PX: Final = 12
PAPER, INK = (250, 250, 248), (30, 30, 30)

_LIKELY: Final = {
    Relation.SAME_PERSON: "likely one person",
    Relation.KIN: "likely kin, or alike",
    Relation.DIFFERENT: "",
}
_HEAD: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8">'
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "img-src data:; style-src 'unsafe-inline'\">"
    "<title>Who looks alike</title><style>body{font:15px/1.4 system-ui,sans-serif;margin:2em}"
    "section{display:flex;gap:1em;margin:0 0 2em}figure{margin:0;width:15em}"
    "img{width:15em;display:block}code{font-size:12px}</style>"
    "<h1>Who looks alike</h1><p>Names and pictures in clear: keep this file to yourself, and "
    "delete it when the pairs are decided.</p>"
)


@dataclass(frozen=True, slots=True)
class _Side:
    """One person of a pair."""

    entry: EntryId
    label: str
    picture_jpeg: bytes


def write_pairs(
    path: Path, opened: OpenedList, cards: CardIndex, pairs: Sequence[LikelyPair]
) -> int:
    """Write the first pairs as .html or .png; return how many.

    Raises:
        UsageError: another ending.
        InputError: there is no pair to show.
        StorageError: the file could not be written.
    """
    ending = path.suffix.lower()
    if ending not in MAX_PAIRS_SHOWN:
        raise UsageError("A sheet's name ends in .html or .png.")
    shown = pairs[: MAX_PAIRS_SHOWN[ending]]
    if not shown:
        raise InputError("No pair is left to decide on.")
    if opened.person is None:
        raise UsageError("Pictures are shown to somebody: say who looks by --as KEY.")
    labels = {card.entry: card.label for card in cards.entries}
    sides = ((pair, *_sides(opened, labels, pair)) for pair in shown)
    data = _as_html(sides, opened.watchlist) if ending == ".html" else _as_png(sides)
    _record(opened, opened.person.id, shown, data)
    _write(path, data)
    return len(shown)


def _record(opened: OpenedList, by: PersonId, pairs: Sequence[LikelyPair], data: bytes) -> None:
    """Put on record whose pictures leave the store, and for whom, before they do."""
    shown = sorted({EntryId(entry) for pair in pairs for entry in (pair.a, pair.b)})
    looks = opened.store.looks
    looks.take(*(look_at_list(opened.watchlist, entry, "pictures", by) for entry in shown))
    digest = Sha256(hashlib.sha256(data).hexdigest())
    looks.export("pairs-sheet", opened.watchlist, digest, by)


def _sides(opened: OpenedList, labels: dict[EntryId, str], pair: LikelyPair) -> tuple[_Side, _Side]:
    a, b = (_side(opened, labels, EntryId(entry)) for entry in (pair.a, pair.b))
    return a, b


def _side(opened: OpenedList, labels: dict[EntryId, str], entry: EntryId) -> _Side:
    pictures = opened.store.watchlists.pictures(opened.watchlist, entry)
    if not pictures:
        raise InputError("A pair names somebody who is not on the list any more.")
    return _Side(entry, labels[entry], pictures[0])


def _as_html(pairs: Iterator[tuple[LikelyPair, _Side, _Side]], name: str) -> bytes:
    parts = [_HEAD]
    for pair, *sides in pairs:
        figures = "".join(
            f'<figure><img alt="reference" src="data:image/jpeg;base64,'
            f'{base64.b64encode(side.picture_jpeg).decode("ascii")}">'
            f"<figcaption>{html.escape(side.label)}<br><code>{side.entry}</code></figcaption>"
            "</figure>"
            for side in sides
        )
        command = f"overt watchlist decide {name} {pair.a} {pair.b} same|kin|different --as KEY"
        parts.append(
            f"<section>{figures}<div><p>{_LIKELY[pair.likely]}</p>"
            f"<code>{html.escape(command)}</code></div></section>"
        )
    return "".join(parts).encode()


def _as_png(pairs: Iterator[tuple[LikelyPair, _Side, _Side]]) -> bytes:
    rows = [_row(pair, sides) for pair, *sides in pairs]
    height = sum(row.height for row in rows)
    sheet = Image.new("RGB", (rows[0].width, height), PAPER)
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    data = io.BytesIO()
    sheet.save(data, "PNG")
    return data.getvalue()


def _row(pair: LikelyPair, sides: Sequence[_Side]) -> Image.Image:
    width = 2 * PICTURE_PX + 3 * GAP_PX
    row = Image.new("RGB", (width, PICTURE_PX + TEXT_PX + 2 * GAP_PX), PAPER)
    draw = ImageDraw.Draw(row)
    font = ImageFont.load_default(12)
    for index, side in enumerate(sides):
        left = GAP_PX + index * (PICTURE_PX + GAP_PX)
        with Image.open(io.BytesIO(side.picture_jpeg)) as picture:
            picture.thumbnail((PICTURE_PX, PICTURE_PX))
            row.paste(picture, (left, GAP_PX))
        draw.text((left, GAP_PX + PICTURE_PX + 2), side.label[:30], INK, font)
        draw.text((left, GAP_PX + PICTURE_PX + 16), side.entry, INK, font)
    draw.text((GAP_PX, GAP_PX + PICTURE_PX + 30), _LIKELY[pair.likely], INK, font)
    return row


def _write(path: Path, data: bytes) -> None:
    try:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        raise StorageError("The sheet could not be written.") from error

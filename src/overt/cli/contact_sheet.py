"""Alerts at a glance: the watchlist's picture beside the camera's, one row an alert."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rich.text import Text

from overt.alerts.alert import Alert, AlertPictures
from overt.core.arrays import BgrImage
from overt.core.errors import StorageError

CELL_PX = 168
SCENE_PX = 300
GAP_PX = 12
COLUMNS = 2
BLOCKS = 28
INK, FAINT, PAPER, CARD = (24, 26, 30), (96, 101, 110), (244, 245, 247), (255, 255, 255)


@dataclass(frozen=True, slots=True, eq=False)
class SheetRow:
    """One alert with the pictures that a person needs to judge it.

    Attributes:
        alert: what was raised.
        label: who it may be.
        reference: the picture on the watchlist; None if whoever looks may not see it.
        pictures: of the alert.
    """

    alert: Alert
    label: str
    reference: BgrImage | None
    pictures: AlertPictures


def contact_sheet(rows: Sequence[SheetRow]) -> BgrImage:
    """Return one picture of all alerts, in order, two to a line."""
    cards = [_card(row) for row in rows]
    if not cards:
        return _no_alerts()
    columns = min(COLUMNS, len(cards))
    width, height = cards[0].size
    lines = -(-len(cards) // columns)
    size = (GAP_PX + columns * (width + GAP_PX), GAP_PX + lines * (height + GAP_PX))
    sheet = Image.new("RGB", size, PAPER)
    for index, card in enumerate(cards):
        x = GAP_PX + (index % columns) * (width + GAP_PX)
        y = GAP_PX + (index // columns) * (height + GAP_PX)
        sheet.paste(card, (x, y))
    return _to_bgr(sheet)


def as_png(sheet: BgrImage) -> bytes:
    """Return a contact sheet as a PNG.

    Raises:
        StorageError: it could not be drawn.
    """
    done, data = cv2.imencode(".png", sheet)
    if not done:
        raise StorageError("The contact sheet could not be drawn.")
    return bytes(data)


def write_sheet(path: Path, png: bytes) -> None:
    """Write a contact sheet, whatever the file is called.

    Raises:
        StorageError: it could not be written.
    """
    try:
        path.write_bytes(png)
    except OSError as error:
        raise StorageError("The contact sheet could not be written.") from error


def _no_alerts() -> BgrImage:
    sheet = Image.new("RGB", (480, 96), PAPER)
    ImageDraw.Draw(sheet).text((24, 36), "No possible match was raised.", INK, _font(18))
    return _to_bgr(sheet)


def _card(row: SheetRow) -> Image.Image:
    pad = GAP_PX
    width = pad + 2 * (CELL_PX + pad) + SCENE_PX + pad
    card = Image.new("RGB", (width, CELL_PX + 2 * pad + 62), CARD)
    draw = ImageDraw.Draw(card)
    x = pad
    for caption, picture, box in (
        ("watchlist", row.reference, (CELL_PX, CELL_PX)),
        ("camera", row.pictures.face, (CELL_PX, CELL_PX)),
        ("scene", row.pictures.scene, (SCENE_PX, CELL_PX)),
    ):
        if picture is None:
            draw.text((x, pad + CELL_PX // 2), "not for you to see", FAINT, _font(12))
        else:
            fitted = _fitted(picture, box)
            left, top = (box[0] - fitted.width) // 2, (box[1] - fitted.height) // 2
            card.paste(fitted, (x + left, pad + top))
        draw.text((x, pad + CELL_PX + 3), caption, FAINT, _font(11))
        x += box[0] + pad
    top = pad + CELL_PX + 20
    draw.text((pad, top), f"possible match: {row.label}", INK, _font(16))
    draw.text((pad, top + 22), _facts(row.alert), FAINT, _font(12))
    return card


def _facts(alert: Alert) -> str:
    facts = (
        f"camera {alert.camera} at {alert.media_time_s:.1f} s; similarity {alert.similarity:.3f}, "
        f"threshold {alert.threshold:.3f}; {alert.n_shots} agreeing shot"
        f"{'s' if alert.n_shots > 1 else ''}"
    )
    if alert.calibrated_rate is not None:
        facts += f"; set for one false alert in {alert.calibrated_rate.one_in:,} strangers"
    return facts


def _fitted(picture: BgrImage, box: tuple[int, int]) -> Image.Image:
    """Scale to fit: small crops in whole steps of flat pixels, so that nothing is invented."""
    height, width = picture.shape[:2]
    scale = min(box[0] / width, box[1] / height)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = (max(1, int(width * scale)), max(1, int(height * scale)))
    resized = cv2.resize(picture, size, interpolation=how)
    return Image.fromarray(cv2.cvtColor(resized, cv2.COLOR_BGR2RGB))


def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)


def _to_bgr(image: Image.Image) -> BgrImage:
    return np.asarray(cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2BGR), np.uint8)


def in_terminal(rows: Sequence[SheetRow], width: int) -> Text:
    """Return the first alerts as coloured half blocks, watchlist and camera side by side."""
    shown = rows[: max(1, width // (2 * BLOCKS + 3))]
    strips = [
        np.hstack([_square(row.reference), _square(row.pictures.face), _gap()]) for row in shown
    ]
    pixels = np.hstack(strips)[:, :, ::-1]
    text = Text()
    for upper, lower in zip(pixels[0::2], pixels[1::2], strict=True):
        for (r, g, b), (r2, g2, b2) in zip(upper, lower, strict=True):
            text.append("▀", style=f"rgb({r},{g},{b}) on rgb({r2},{g2},{b2})")
        text.append("\n")
    return text


def _square(picture: BgrImage | None) -> BgrImage:
    if picture is None:
        return np.zeros((BLOCKS, BLOCKS, 3), np.uint8)
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = picture[top : top + side, left : left + side]
    return np.asarray(cv2.resize(middle, (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA), np.uint8)


def _gap() -> BgrImage:
    return np.zeros((BLOCKS, 3, 3), np.uint8)

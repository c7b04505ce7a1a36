"""Every form in which a face could be left behind, as bytes to look for.

A form is looked for by windows: short pieces of it, so that a torn or partly overwritten copy is
found as well as a whole one. Windows that say nothing (one flat colour) are left out.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import BgrImage, Vector
from overt.store.pictures import encode_jpeg

PIECE_BYTES = 32
"""Length of a window of bytes or text."""

NUMBERS_A_PIECE = 16
"""Length of a window of numbers wider than a byte."""

LEAST_DISTINCT = 9
"""Different bytes, or numbers, that a window must hold to say anything."""


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """One way of writing one thing down.

    Attributes:
        name: what is found, in words.
        data: the whole of it.
        pieces: windows of it.
    """

    name: str
    data: bytes = field(repr=False)
    pieces: tuple[bytes, ...] = field(repr=False)


def template_forms(template: Vector) -> Iterator[Form]:
    """Yield the forms of a template (d, float32)."""
    largest = float(np.abs(template).max()) or 1.0
    arrays: dict[str, NDArray[np.generic]] = {
        "float32": template.astype("<f4"),
        "float64": template.astype("<f8"),
        "float16": template.astype("<f2"),
        "bfloat16": (template.astype("<f4").view("<u4") >> 16).astype("<u2"),
        "float32, big-endian": template.astype(">f4"),
        "int8 of 127": np.rint(template * 127).astype(np.int8),
        "int8 of the largest": np.rint(template * (127 / largest)).astype(np.int8),
        "uint8 of 127": np.rint(template * 127 + 128).astype(np.uint8),
        "int16": np.rint(template * 32767).astype("<i2"),
    }
    for name, array in arrays.items():
        yield _of_numbers(f"template, {name}", array, 0)
    for name in ("float32", "float16", "int8 of 127"):
        yield from _as_text(f"template, {name}", arrays[name].tobytes())
    yield from _as_json("template", template)


def _as_json(name: str, template: Vector) -> Iterator[Form]:
    """Yield the numbers as text at usual precisions, and as Python writes them."""
    widened = template.astype(np.float64).tolist()
    short = [float(str(value)) for value in template]
    for precision in (4, 6, 8):
        text = json.dumps([round(value, precision) for value in widened])
        yield _of_bytes(f"{name}, JSON to {precision} places", text.encode())
    yield _of_bytes(f"{name}, JSON in full", json.dumps(widened).encode())
    yield _of_bytes(f"{name}, JSON of float32", json.dumps(short).encode())
    yield _of_bytes(f"{name}, printed", np.array2string(template, threshold=10_000).encode())


def crop_forms(crop: BgrImage) -> Iterator[Form]:
    """Yield the forms of an aligned crop (h × w × 3)."""
    grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.uint8)
    rgb = np.ascontiguousarray(crop[..., ::-1])
    mirrored = np.ascontiguousarray(crop[:, ::-1])
    for name, array in {
        "BGR": crop,
        "RGB": rgb,
        "mirrored": mirrored,
        "mirrored RGB": np.ascontiguousarray(mirrored[..., ::-1]),
        "grey": grey,
    }.items():
        yield _of_numbers(f"crop, {name}", array, _row(array))
    for turned, name in ((crop, ""), (mirrored, ", mirrored")):
        planes = np.ascontiguousarray(turned.transpose(2, 0, 1))
        yield _of_numbers(f"crop, planes{name}", planes, _row(planes))
        for kind, values in _as_floats(planes):
            yield _of_numbers(f"crop, planes, {kind}{name}", values, _row(values))
        for kind, values in _as_floats(turned):
            yield _of_numbers(f"crop, {kind}{name}", values, _row(values))
    for kind, values in _as_floats(grey):
        yield _of_numbers(f"crop, grey, {kind}", values, _row(values))
    yield from _as_text("crop, BGR", crop.tobytes())


def _as_floats(pixels: NDArray[np.uint8]) -> Iterator[tuple[str, NDArray[np.generic]]]:
    plain = pixels.astype("<f4")
    for scale, values in (
        ("", plain),
        (" less 127.5", plain - np.float32(127.5)),
        (" normalised", (plain - np.float32(127.5)) / np.float32(128)),
        (" of 255", plain / np.float32(255)),
    ):
        yield f"float32{scale}", values
        yield f"float16{scale}", values.astype("<f2")
        yield f"bfloat16{scale}", (values.view("<u4") >> 16).astype("<u2")


def picture_forms(crop: BgrImage) -> Iterator[Form]:
    """Yield the compressed pictures of a crop, by the encoders that the product has at hand."""
    pictures = {
        "JPEG, as alerts are kept": encode_jpeg(crop),
        "JPEG": _encoded(crop, ".jpg"),
        "JPEG of quality 75": _encoded(crop, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 75),
        "PNG": _encoded(crop, ".png"),
        "WebP": _encoded(crop, ".webp"),
    }
    for name, data in pictures.items():
        own = data[_header_bytes(data) :]
        yield _of_bytes(f"crop, {name}", own)
        yield from _as_text(f"crop, {name}", own)


def _header_bytes(data: bytes) -> int:
    """Return how many bytes at the beginning any picture could have: tables, sizes."""
    scan = data.find(b"\xff\xda")
    return scan + 14 if data.startswith(b"\xff\xd8") and scan > 0 else 48


def _encoded(crop: BgrImage, suffix: str, *options: int) -> bytes:
    done, data = cv2.imencode(suffix, crop, list(options))
    if not done:
        raise RuntimeError("OpenCV does not encode pictures")
    return bytes(data)


def _as_text(name: str, data: bytes) -> Iterator[Form]:
    """Yield base64 in each of its three alignments, and hex in both cases."""
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + data)[4:]
        yield _of_bytes(f"{name}, base64" + (f" at {shift}" if shift else ""), text)
    yield _of_bytes(f"{name}, hex", data.hex().encode())
    yield _of_bytes(f"{name}, HEX", data.hex().upper().encode())


def _row(array: NDArray[np.generic]) -> int:
    """Return how many numbers a row of pixels has."""
    *_, width, last = (int(side) for side in array.shape)
    return width * last if last == 3 else last


def _of_numbers(name: str, array: NDArray[np.generic], row: int) -> Form:
    """Make a form of an array, with a window in every row, or every so many numbers."""
    flat = np.ascontiguousarray(array).reshape(-1)
    length = PIECE_BYTES if flat.itemsize == 1 else NUMBERS_A_PIECE
    step = row or length
    starts: list[int] = []
    for begin in range(0, flat.size - length + 1, step):
        starts.append(begin + row // 3)
        if flat.itemsize == 1:
            starts += [begin, begin + row * 2 // 3]
    pieces = [flat[start : start + length] for start in starts]
    kept = tuple(p.tobytes() for p in pieces if p.size == length and _says(p.tolist()))
    return Form(name, flat.tobytes(), kept)


def _of_bytes(name: str, data: bytes, skip: int = 0) -> Form:
    starts = range(skip, len(data) - PIECE_BYTES + 1, max(PIECE_BYTES, len(data) // 64))
    pieces = (data[start : start + PIECE_BYTES] for start in starts)
    return Form(name, data, tuple(piece for piece in pieces if _says(piece)))


def _says(piece: Sequence[object] | bytes) -> bool:
    return len(set(piece)) >= LEAST_DISTINCT


def forms_of(templates: Iterable[Vector], crops: Iterable[BgrImage]) -> list[Form]:
    """Return every form of what a passage left: its templates, and its crops (h × w × 3 each)."""
    forms: list[Form] = []
    for template in templates:
        forms.extend(template_forms(template))
    for crop in crops:
        forms.extend(crop_forms(crop))
        forms.extend(picture_forms(crop))
    return forms

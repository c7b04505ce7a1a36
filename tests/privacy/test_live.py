"""After a run, no file of the node holds anything of the stranger; the same search finds plants."""

import base64

import cv2
import numpy as np
import pytest

from overt.core.clock import SystemClock
from overt.core.frame import ArrayPicture
from overt.store.store import Store
from overt.vision.align import align

WINDOW = 16
MOST_WINDOWS = 24


def windows(secret):
    """Return pieces of a secret, so that a part of it is found as well as the whole.

    Pieces of few different bytes stand everywhere, like the zeros of an empty page.
    """
    pieces = [secret[i : i + WINDOW] for i in range(0, len(secret) - WINDOW, WINDOW)]
    telling = [piece for piece in pieces if len(set(piece)) >= WINDOW // 2]
    return telling[:: max(1, len(telling) // MOST_WINDOWS)]


@pytest.fixture(scope="session")
def stranger(models, studio, both):
    """Everything by which the stranger of the clip could be known, in every form."""
    forms = {}
    for at_s in (0.1, 1.0, 2.0, 2.9):
        picture = ArrayPicture(studio.picture(both, at_s))
        found = models.detector.detect(picture)
        face = int(np.argmax(found.boxes_px[:, 0]))
        crop = align(picture, found.landmarks_px[face])
        template = models.embedder.embed([crop])[0]
        left, top, right, bottom = found.boxes_px[face].astype(int)
        region = picture.crop(left, top, right, bottom)
        forms |= {
            f"template f32 {at_s}": template.tobytes(),
            f"template f16 {at_s}": template.astype(np.float16).tobytes(),
            f"template f64 {at_s}": template.astype(np.float64).tobytes(),
            f"crop {at_s}": crop.tobytes(),
            f"crop PNG {at_s}": cv2.imencode(".png", crop)[1].tobytes()[60:],
            f"crop JPEG {at_s}": cv2.imencode(".jpg", crop)[1].tobytes()[700:],
            f"face PNG {at_s}": cv2.imencode(".png", region)[1].tobytes()[60:],
            f"face JPEG {at_s}": cv2.imencode(".jpg", region)[1].tobytes()[700:],
        }
    needles = {name: windows(secret) for name, secret in forms.items()}
    in_base64 = {f"{k} base64": windows(base64.b64encode(v)) for k, v in forms.items()}
    return needles | in_base64 | {"JPEG": [b"JFIF\0"], "PNG": [b"\x89PNG\r\n"]}


def found_in(folder, needles):
    """Return what stands in any file of a folder."""
    haystacks = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert haystacks
    return {
        name
        for name, pieces in needles.items()
        if any(piece in haystack for piece in pieces for haystack in haystacks)
    }


def test_the_search_finds_what_is_planted(tmp_path, stranger):
    for number, (name, pieces) in enumerate(stranger.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "planted").write_bytes(b"before" + pieces[-1] + b"after")
        assert name in found_in(folder, stranger)


def test_no_file_of_a_node_holds_anything_of_a_stranger(
    site, run_of_site, home, tmp_path, clip_of_both, stranger, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    found = site()
    ran = run_of_site(found, "--camera", f"gate={clip_of_both}", "--json")
    assert ran.json["faces"]["erased"] == len(ran.json["alerts"]) == 1
    assert found_in(home, stranger) == set()
    assert list(temporary.iterdir()) == []
    key = found.key_file(found.force.operator, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} <= {"home", "temporary", key.name}


def test_what_an_alert_keeps_cannot_be_read_without_its_key(home, trusted_run, stranger):
    """Not even the alert's own pictures lie in clear, nor does the reference."""
    with Store.open(home, SystemClock()) as store:
        (alert,) = store.alerts.list()
        pictures = store.alerts.pictures(alert.id)
        (kept,) = store.watchlists.list()
        entry = store.watchlists.load(kept.id).entries[0]
    needles = {
        "face": windows(pictures.face.tobytes()),
        "reference": windows(entry.references[0].picture_jpeg),
        "template": windows(entry.references[0].template.tobytes()),
        "label": [entry.label.encode() + b" of the list"],
    }
    assert found_in(home, needles) == set()


def test_only_counts_are_recorded_of_a_stranger(home, trusted_run):
    """The record has one line an alert, and nothing for a face that was erased."""
    from overt.ledger.records import LedgerRecord

    with Store.open(home, SystemClock()) as store:
        kinds = [str(LedgerRecord.parse(data).kind) for data in store.ledger.records()]
    of_the_run = [kind for kind in kinds if kind.startswith(("run.", "alert."))]
    assert of_the_run == ["run.started", "alert.raised", "run.counts", "run.stopped"]


@pytest.fixture
def trusted_run(site, run_of_site, clip_of_both):
    """Run the clip."""
    ran = run_of_site(site(), "--camera", f"gate={clip_of_both}", "--json")
    assert ran.returncode == 0, ran.stderr

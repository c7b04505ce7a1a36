import subprocess
import sys

import cv2
import numpy as np
import pytest

from overt.core.errors import IntegrityError, StorageError, UnavailableError
from overt.inference.catalogue import bundled_folder
from overt.inference.golden import pattern
from overt.inference.manifest import load_manifest
from overt.inference.prepare import (
    digest_of,
    ensure_prepared,
    prepare,
    prepare_plain,
    read_source,
    write_atomically,
)
from overt.inference.runtimes import open_engine

YUNET = load_manifest(bundled_folder() / "yunet-2023mar.toml")


def test_an_absent_model_is_built_and_equals_its_pin(tmp_path):
    prepared = ensure_prepared(YUNET, tmp_path / "cache")
    assert prepared.sha256 == YUNET.prepared_sha256 == digest_of(prepared.path.read_bytes())
    assert list((tmp_path / "cache").iterdir()) == [prepared.path]


def test_a_present_model_is_used_and_its_source_is_not_needed(tmp_path):
    ensure_prepared(YUNET, tmp_path)
    source = YUNET.source.model_copy(update={"package": "no-such-package-of-ours"})
    without_source = YUNET.model_copy(update={"source": source})
    assert ensure_prepared(without_source, tmp_path).sha256 == YUNET.prepared_sha256
    with pytest.raises(UnavailableError):
        ensure_prepared(without_source, tmp_path / "empty")


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "append"])
def test_a_damaged_cache_is_reported_and_never_rebuilt(tmp_path, damage):
    path = ensure_prepared(YUNET, tmp_path).path
    good = path.read_bytes()
    flipped = bytes([*good[:1000], good[1000] ^ 1, *good[1001:]])
    damaged = {"flip": flipped, "truncate": good[:-1], "empty": b"", "append": good + b"\0"}[damage]
    path.write_bytes(damaged)
    with pytest.raises(IntegrityError, match="delete the file and run"):
        ensure_prepared(YUNET, tmp_path)
    assert path.read_bytes() == damaged


def test_a_file_changed_after_it_was_prepared_is_not_opened(tmp_path):
    prepared = ensure_prepared(YUNET, tmp_path)
    prepared.path.write_bytes(prepared.path.read_bytes()[:-1])
    with pytest.raises(IntegrityError):
        open_engine(prepared)
    prepared.path.unlink()
    with pytest.raises(IntegrityError):
        open_engine(prepared)


@pytest.mark.parametrize("changed", [{"source_sha256": "0" * 64}, {"source_bytes": 122_488}])
def test_a_changed_source_is_refused(tmp_path, changed):
    with pytest.raises(IntegrityError, match="size or SHA-256 differ"):
        ensure_prepared(YUNET.model_copy(update=changed), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_result_that_is_not_the_pinned_one_is_not_written(tmp_path):
    with pytest.raises(IntegrityError, match="did not give the bytes"):
        ensure_prepared(YUNET.model_copy(update={"prepared_sha256": "0" * 64}), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_two_processes_may_prepare_at_once(tmp_path):
    script = (
        "import sys; from pathlib import Path\n"
        "from overt.inference.catalogue import Catalogue, bundled_folder\n"
        "from overt.inference.prepare import ensure_prepared\n"
        "ensure_prepared(Catalogue([bundled_folder()]).get('yunet-2023mar'), Path(sys.argv[1]))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    running = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert [path.name for path in tmp_path.iterdir()] == [
        ensure_prepared(YUNET, tmp_path).path.name
    ]


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        write_atomically(tmp_path / "file" / "model.onnx", b"x")


def test_a_write_that_fails_leaves_nothing_behind(tmp_path):
    (tmp_path / "target").mkdir()
    with pytest.raises(StorageError):
        write_atomically(tmp_path / "target", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_preparing_is_deterministic():
    source = read_source(YUNET)
    assert prepare(YUNET, source) == prepare(YUNET, source)


def test_opencv_loads_the_plain_detector_and_agrees(tmp_path, pair):
    plain = prepare_plain(pair.detector.manifest, tmp_path)
    picture = pattern(1, 320, 192)
    with open_engine(pair.detector, precision="f32") as engine:
        ours = engine.infer(picture)
    net = cv2.dnn.readNetFromONNX(str(plain))
    net.setInput(cv2.dnn.blobFromImage(picture[0]))
    theirs = dict(zip(ours, net.forward(list(ours)), strict=True))
    for name, array in ours.items():
        np.testing.assert_allclose(theirs[name].reshape(array.shape), array, atol=5e-5)
    cv2.FaceDetectorYN.create(str(plain), "", (320, 192)).detect(picture[0])


def test_opencv_loads_the_plain_embedder_and_agrees(tmp_path, pair):
    plain = prepare_plain(pair.embedder.manifest, tmp_path)
    picture = pattern(1, 112, 112)
    with open_engine(pair.embedder) as engine:
        ours = engine.infer(picture)["template"]
    theirs = cv2.FaceRecognizerSF.create(str(plain), "").feature(picture[0])
    np.testing.assert_allclose(theirs, ours, atol=2e-5)

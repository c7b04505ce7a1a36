import shutil

import pytest

from overt.inference.catalogue import Catalogue, bundled_folder
from overt.inference.prepare import ensure_prepared
from overt.inference.verify import verify_model

CATALOGUE = Catalogue([bundled_folder()])
YUNET = CATALOGUE.get("yunet-2023mar")
GOLDEN = CATALOGUE.golden("yunet-2023mar")


def told(checks):
    return {check.subject: check.outcome for check in checks}


def test_a_sound_model_passes_everywhere_or_is_skipped_with_a_reason(models_cache, pair):
    checks = verify_model(YUNET, GOLDEN, models_cache)
    assert [check.subject for check in checks] == [
        "source",
        "prepared",
        "openvino f32",
        "openvino bf16",
        "onnxruntime f32",
    ]
    assert {check.outcome for check in checks} <= {"passed", "skipped"}
    assert all(bool(check.detail) is (check.outcome == "skipped") for check in checks)
    assert told(checks)["openvino f32"] == "passed"


def test_a_damaged_cache_fails_and_nothing_is_run(tmp_path):
    path = ensure_prepared(YUNET, tmp_path).path
    path.write_bytes(path.read_bytes()[::-1])
    assert told(verify_model(YUNET, GOLDEN, tmp_path)) == {
        "source": "passed",
        "prepared": "failed",
    }


def test_a_changed_source_fails(tmp_path):
    changed = YUNET.model_copy(update={"source_sha256": "0" * 64})
    assert told(verify_model(changed, GOLDEN, tmp_path)) == {"source": "failed"}


def test_other_numbers_fail_on_every_runtime(tmp_path, models_cache, pair):
    text = GOLDEN.read_text()
    wrong = tmp_path / "golden.json"
    wrong.write_text(text.replace('"seed": 0', '"seed": 5', 1))
    outcomes = told(verify_model(YUNET, wrong, models_cache))
    assert outcomes["openvino f32"] == "failed"
    assert outcomes["onnxruntime f32"] in {"failed", "skipped"}


@pytest.mark.parametrize("content", [None, "{}"])
def test_golden_vectors_that_are_absent_or_unreadable_fail(tmp_path, models_cache, pair, content):
    path = tmp_path / "golden.json"
    if content is not None:
        path.write_text(content)
    assert told(verify_model(YUNET, path, models_cache))["prepared"] == "failed"


def test_it_says_which_file_to_delete(tmp_path):
    path = ensure_prepared(YUNET, tmp_path).path
    shutil.copy(GOLDEN, path)
    (failed,) = [c for c in verify_model(YUNET, GOLDEN, tmp_path) if c.outcome == "failed"]
    assert str(path) in failed.detail
    assert "\n" not in failed.detail

"""Every implementation of the Engine port passes this suite."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import openvino
import pytest

from overt.core.errors import IntegrityError, OvertError, UnavailableError
from overt.inference.catalogue import Catalogue, bundled_folder, ensure_pair
from overt.inference.golden import fault, golden_path, load_golden, pattern
from overt.inference.prepare import PreparedModel
from overt.inference.runtimes import open_engine

HAS_BF16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
IMPLEMENTATIONS = [
    pytest.param(("openvino", "f32"), id="openvino-f32"),
    pytest.param(
        ("openvino", "bf16"),
        id="openvino-bf16",
        marks=pytest.mark.skipif(not HAS_BF16, reason="the processor does not compute in bf16"),
    ),
    pytest.param(("onnxruntime", "f32"), id="onnxruntime-f32"),
]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return ensure_pair(Catalogue([bundled_folder()]), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module", params=IMPLEMENTATIONS)
def implementation(request):
    runtime, precision = request.param
    if runtime == "onnxruntime":
        pytest.importorskip("onnxruntime", reason="the extra onnxruntime is not installed")
    return {"runtime": runtime, "precision": precision, "n_threads": 2}


@pytest.fixture(scope="module")
def detector(pair, implementation):
    with open_engine(pair.detector, n_requests=2, **implementation) as engine:
        yield engine


@pytest.fixture(scope="module")
def embedder(pair, implementation):
    with open_engine(pair.embedder, n_requests=2, **implementation) as engine:
        yield engine


def face(seed):
    return pattern(seed, 112, 112)


def close(engine):
    return {"rtol": 0, "atol": 1e-4 if engine.precision == "f32" else 0.2}


@pytest.mark.parametrize("role", ["detector", "embedder"])
def test_golden_vectors(role, pair, detector, embedder):
    manifest = getattr(pair, role).manifest
    golden = load_golden(golden_path(bundled_folder(), manifest.name), manifest)
    assert fault(golden, {"detector": detector, "embedder": embedder}[role]) is None


def test_it_says_where_and_how_it_computes(embedder, implementation):
    assert embedder.runtime == implementation["runtime"]
    assert embedder.precision == implementation["precision"]
    assert embedder.device == "cpu"


def test_an_embedder_gives_one_template_a_picture(embedder):
    outputs = embedder.infer(np.concatenate([face(0), face(1), face(2)]))
    assert list(outputs) == ["template"]
    assert outputs["template"].shape == (3, 128)
    assert outputs["template"].dtype == np.float32


@pytest.mark.parametrize(("width_px", "height_px"), [(320, 192), (32, 32), (64, 256)])
def test_a_detector_takes_any_size_that_is_a_multiple(detector, width_px, height_px):
    outputs = detector.infer(np.concatenate([pattern(s, width_px, height_px) for s in range(2)]))
    widths = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    assert {name: array.shape for name, array in outputs.items()} == {
        f"{kind}_{s}": (2, (width_px // s) * (height_px // s), width)
        for kind, width in widths.items()
        for s in (8, 16, 32)
    }
    assert all(array.dtype == np.float32 for array in outputs.values())


def test_a_batch_gives_what_each_picture_gives_alone(embedder):
    pictures = [face(seed) for seed in range(5)]
    together = embedder.infer(np.concatenate(pictures))["template"]
    alone = np.concatenate([embedder.infer(picture)["template"] for picture in pictures])
    np.testing.assert_allclose(together, alone, **close(embedder))


def test_a_result_belongs_to_the_caller(embedder):
    first = embedder.infer(face(0))["template"]
    kept = first.copy()
    embedder.infer(face(1))
    np.testing.assert_array_equal(first, kept)
    first[...] = 0
    np.testing.assert_array_equal(embedder.infer(face(0))["template"], kept)


def test_a_batch_may_be_overwritten_once_submit_has_returned(embedder):
    expected = embedder.infer(face(0))["template"]
    batch = face(0)
    pending = embedder.submit(batch)
    batch[...] = 255
    np.testing.assert_allclose(pending.result()["template"], expected, **close(embedder))


def test_a_batch_need_not_be_contiguous_and_is_left_alone(embedder):
    batch = face(0)
    mirrored = batch[:, :, ::-1]
    kept = batch.copy()
    got = embedder.infer(mirrored)["template"]
    np.testing.assert_array_equal(batch, kept)
    expected = embedder.infer(np.ascontiguousarray(mirrored))["template"]
    np.testing.assert_allclose(got, expected, **close(embedder))


def test_more_may_be_submitted_than_there_are_requests_and_taken_in_any_order(embedder):
    expected = [embedder.infer(face(seed))["template"] for seed in range(7)]
    pending = [embedder.submit(face(seed)) for seed in range(7)]
    for seed in (6, 0, 3, 1, 5, 2, 4):
        got = pending[seed].result()["template"]
        np.testing.assert_allclose(got, expected[seed], **close(embedder))


def test_a_result_can_be_taken_twice(embedder):
    pending = embedder.submit(face(0))
    assert pending.result()["template"] is pending.result()["template"]


def test_what_nobody_waits_for_blocks_nobody(embedder):
    for seed in range(9):
        embedder.submit(face(seed))
    assert embedder.infer(face(0))["template"].shape == (1, 128)


def test_threads_get_their_own_results(embedder):
    expected = [embedder.infer(face(seed))["template"] for seed in range(6)]
    start = threading.Barrier(4)

    def work(offset):
        start.wait()
        order = [(offset + i) % 6 for i in range(12)]
        return [(seed, embedder.submit(face(seed)).result()["template"]) for seed in order]

    with ThreadPoolExecutor(4) as pool:
        for results in pool.map(work, range(4)):
            for seed, got in results:
                np.testing.assert_allclose(got, expected[seed], **close(embedder))


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((112, 112, 3), np.uint8),
        np.zeros((0, 112, 112, 3), np.uint8),
        np.zeros((1, 112, 112, 1), np.uint8),
        np.zeros((1, 3, 112, 112), np.uint8),
        np.zeros((1, 112, 96, 3), np.uint8),
        np.zeros((1, 112, 112, 3), np.float32),
    ],
    ids=lambda array: f"{array.shape}-{array.dtype}",
)
def test_another_shape_or_type_is_refused(embedder, wrong):
    with pytest.raises(ValueError, match="expected"):
        embedder.submit(wrong)


def test_a_detector_refuses_a_side_that_is_no_multiple(detector):
    with pytest.raises(ValueError, match="multiples of 32"):
        detector.infer(np.zeros((1, 100, 320, 3), np.uint8))


def test_closing_finishes_what_is_under_way_and_ends_the_rest(pair, implementation):
    engine = open_engine(pair.detector, n_requests=2, **implementation)
    pending = [engine.submit(pattern(seed, 320, 192)) for seed in range(4)]
    engine.close()
    engine.close()
    assert all(p.result()["cls_8"].shape == (1, 960, 1) for p in pending)
    with pytest.raises(OvertError, match="closed"):
        engine.submit(pattern(0, 320, 192))
    with pytest.raises(OvertError, match="closed"):
        engine.infer(pattern(0, 320, 192))


def test_one_request_is_enough(pair, implementation):
    with open_engine(pair.detector, n_requests=1, **implementation) as engine:
        pending = [engine.submit(pattern(seed, 64, 64)) for seed in range(3)]
        assert [p.result()["obj_32"].shape for p in reversed(pending)] == [(1, 4, 1)] * 3


@pytest.mark.parametrize("device", ["npu9", "cuda:0", ""])
def test_a_device_that_is_not_there_is_refused_and_the_others_are_named(
    pair, implementation, device
):
    with pytest.raises(UnavailableError, match=r"no device .*cpu"):
        open_engine(pair.detector, device=device, **implementation)


def test_bytes_that_are_not_the_pinned_ones_are_not_loaded(pair, implementation, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(pair.detector.path.read_bytes()[:-1])
    changed = PreparedModel(path, pair.detector.sha256, pair.detector.manifest)
    with pytest.raises(IntegrityError):
        open_engine(changed, **implementation)


@pytest.mark.parametrize("counts", [{"n_requests": 0}, {"n_threads": 0}])
def test_counts_must_be_positive(pair, implementation, counts):
    with pytest.raises(ValueError, match="positive"):
        open_engine(pair.detector, **(implementation | counts))

import openvino
import pytest

from overt.core.errors import UnavailableError
from overt.inference import openvino_engine
from overt.inference.golden import pattern
from overt.inference.runtimes import open_engine


class CoreWithout:
    """A machine whose processor has no bf16."""

    def get_property(self, device, name):
        return {"OPTIMIZATION_CAPABILITIES": ["FP32", "INT8"]}[name]


class CoreWith:
    def get_property(self, device, name):
        return {"OPTIMIZATION_CAPABILITIES": ["FP32", "BF16"]}[name]


@pytest.mark.parametrize(
    ("core", "role", "wanted", "chosen"),
    [
        (CoreWith(), "detector", "auto", "bf16"),
        (CoreWith(), "embedder", "auto", "f32"),
        (CoreWith(), "embedder", "bf16", "bf16"),
        (CoreWith(), "detector", "f32", "f32"),
        (CoreWithout(), "detector", "auto", "f32"),
        (CoreWithout(), "embedder", "auto", "f32"),
    ],
)
def test_auto_is_bf16_for_a_detector_where_there_is_bf16(pair, core, role, wanted, chosen):
    manifest = getattr(pair, role).manifest
    assert openvino_engine.chosen_precision(core, "CPU", wanted, manifest) == chosen


def test_bf16_that_is_not_there_is_refused(pair):
    with pytest.raises(UnavailableError, match="bf16"):
        openvino_engine.chosen_precision(CoreWithout(), "CPU", "bf16", pair.detector.manifest)


def test_the_compiled_model_has_the_precision_that_was_asked_for(pair):
    with open_engine(pair.embedder, precision="f32") as engine:
        compiled = engine._compiled
        assert compiled.get_property("INFERENCE_PRECISION_HINT") == openvino.Type.f32
        assert compiled.get_property("EXECUTION_DEVICES") == ["CPU"]


@pytest.mark.skipif("GPU" in openvino.Core().available_devices, reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused(pair):
    with pytest.raises(UnavailableError, match=r"no device gpu here; there is: .*cpu"):
        open_engine(pair.detector, device="gpu")


def everything_held(engine):
    for request in engine._idle:
        yield request.get_input_tensor().data
        for tensor in request.output_tensors:
            yield tensor.data


def test_nothing_of_a_face_stays_in_the_requests_of_an_embedder(pair):
    with open_engine(pair.embedder, n_requests=2) as engine:
        pending = [engine.submit(pattern(seed, 112, 112)) for seed in range(5)]
        assert all(p.result()["template"].any() for p in pending)
        held = list(everything_held(engine))
        assert len(held) == 4
        assert not any(array.any() for array in held)


def test_nothing_stays_after_results_that_nobody_took(pair):
    with open_engine(pair.embedder, n_requests=1) as engine:
        engine.submit(pattern(0, 112, 112))
        engine.submit(pattern(1, 112, 112)).result()
        assert not any(array.any() for array in everything_held(engine))


def test_a_detector_is_not_scrubbed_unless_it_is_asked_for(pair):
    picture = pattern(0, 64, 64)
    for scrub, left in ((None, True), (True, False)):
        with open_engine(pair.detector, n_requests=1, scrub=scrub) as engine:
            assert engine.infer(picture)["cls_8"].any()
            assert any(array.any() for array in everything_held(engine)) is left

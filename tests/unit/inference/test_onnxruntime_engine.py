import numpy as np
import pytest

from overt.core.errors import UnavailableError
from overt.inference.golden import pattern
from overt.inference.runtimes import open_engine

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnxruntime is not installed")
onnxruntime_engine = pytest.importorskip("overt.inference.onnxruntime_engine")

GPU = {"CUDAExecutionProvider", "TensorrtExecutionProvider"} & set(
    onnxruntime.get_available_providers()
)


@pytest.mark.skipif(bool(GPU), reason="this machine has ONNX Runtime for GPUs")
@pytest.mark.parametrize("device", ["cuda", "tensorrt", "CUDA"])
def test_a_gpu_that_is_not_there_is_refused(pair, device):
    with pytest.raises(UnavailableError, match=r"there is: cpu\. GPUs need the extra gpu"):
        open_engine(pair.detector, runtime="onnxruntime", device=device)


@pytest.mark.parametrize(
    ("device", "active"),
    [
        ("cuda", ["CPUExecutionProvider"]),
        ("cuda", []),
        ("cuda", ["CPUExecutionProvider", "CUDAExecutionProvider"]),
        ("tensorrt", ["CUDAExecutionProvider", "CPUExecutionProvider"]),
    ],
)
def test_a_provider_that_is_not_the_active_one_is_refused(device, active):
    with pytest.raises(UnavailableError, match=f"cannot use {device}"):
        onnxruntime_engine.require_active(active, device)


@pytest.mark.parametrize("device", ["cpu", "cuda", "tensorrt"])
def test_a_provider_that_is_active_passes(device):
    asked = [name for name, _ in onnxruntime_engine.PROVIDERS[device]]
    onnxruntime_engine.require_active([*asked, "CPUExecutionProvider"], device)


def test_bf16_is_refused(pair):
    with pytest.raises(UnavailableError, match="f32 only"):
        open_engine(pair.embedder, runtime="onnxruntime", precision="bf16")


def test_the_copy_of_an_embedders_input_is_zeroed(pair):
    with open_engine(pair.embedder, runtime="onnxruntime") as engine:
        own = pattern(0, 112, 112)
        template = engine._run(own)["template"]
        assert template.any()
        assert template.flags.owndata
        assert not own.any()


@pytest.mark.skipif("CUDAExecutionProvider" not in GPU, reason="no CUDA in ONNX Runtime here")
def test_cuda_agrees_with_the_processor(pair):
    picture = pattern(0, 112, 112)
    with open_engine(pair.embedder) as cpu:
        expected = cpu.infer(picture)["template"]
    with open_engine(pair.embedder, runtime="onnxruntime", device="cuda") as engine:
        assert engine.device == "cuda"
        np.testing.assert_allclose(engine.infer(picture)["template"], expected, atol=1e-3)

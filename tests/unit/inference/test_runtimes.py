import sys

import pytest

from overt.core.errors import UnavailableError
from overt.inference.runtimes import open_engine


def test_a_runtime_that_is_not_installed_names_its_extra(pair, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "overt.inference.onnxruntime_engine", raising=False)
    with pytest.raises(UnavailableError, match="not installed; install the extra onnxruntime"):
        open_engine(pair.detector, runtime="onnxruntime")


def test_an_unknown_runtime_is_refused(pair):
    with pytest.raises(UnavailableError, match="openvino, onnxruntime"):
        open_engine(pair.detector, runtime="other")

"""The evaluation record: one form, a signature, no names."""

import json

import jsonschema
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from overt.core.errors import AuthorityError, InputError
from overt.evaluation.evaluate import evaluate
from overt.evaluation.normalisation import fitting
from overt.evaluation.protocol import Plan, Pool
from overt.evaluation.record import (
    EvaluationRecord,
    RecordSource,
    plain,
    read_record,
    sign_record,
    verify_record,
)
from overt.evaluation.record_schema import json_schema
from overt.evaluation.templates import MEASURES, TemplateSet

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def small_evaluation():
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((40, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    templates = TemplateSet(
        vectors, np.ones(40, bool), np.ones(40, np.int64), rng.uniform(size=(40, len(MEASURES)))
    )
    labels = {"site": np.array(["north", "south"] * 20)}
    pool = Pool(templates, np.repeat(np.arange(20), 2), labels, 20)
    return evaluate(pool, None, Plan(5), fit=fitting("cosine"), rates=(0.1,))


@pytest.fixture(scope="module")
def record():
    source = RecordSource("0" * 64, 40, 20, 0)
    return EvaluationRecord(
        made_utc="2026-01-01T12:00:00.000Z",
        software="overt 0",
        contract="x",
        models={"m": "1" * 64},
        runs_on="cpu",
        acquisition="central-face/1",
        data=source,
        nonmated=None,
        exclusions_sha256=None,
        n_excluded_people=0,
        n_excluded_pictures=0,
        evaluations=(small_evaluation(),),
    )


def test_a_signed_record_is_read_back(record):
    data = sign_record(record, "ao-east-1", KEY)
    body = verify_record(data, KEY.public_key())
    assert body["format"] == "overt-evaluation/1"
    assert read_record(data)[1]["person"] == "ao-east-1"


def test_a_record_that_nobody_signed_says_so(record):
    assert read_record(record.to_bytes())[1] is None
    with pytest.raises(AuthorityError, match="Nobody signed"):
        verify_record(record.to_bytes(), KEY.public_key())


def test_one_changed_figure_or_another_key_is_found(record):
    data = sign_record(record, "ao-east-1", KEY)
    changed = data.replace(b'"n_false":', b'"n_falsf":', 1)
    assert changed != data
    with pytest.raises(AuthorityError, match="not signed with this key"):
        verify_record(changed, KEY.public_key())
    with pytest.raises(AuthorityError, match="not signed with this key"):
        verify_record(data, Ed25519PrivateKey.generate().public_key())


@pytest.mark.parametrize("data", [b"", b"{}", b'{"record":{},"signature":null}', b"\xff"])
def test_what_is_no_record_is_refused(data):
    with pytest.raises(InputError):
        read_record(data)


def test_every_fraction_is_in_millionths_and_equals_the_figure(record):
    point = record.body()["evaluations"][0]["points"][0]
    figure = record.evaluations[0].points[0]
    assert point["tpir_micro"] == round(figure.tpir * 1e6)
    assert point["threshold_micro"] / 1e6 == figure.threshold, "thresholds lose nothing"
    assert "tpir" not in point


def test_plain_figures_are_json(record):
    assert json.loads(json.dumps(plain(record.evaluations[0]), allow_nan=False))["scoring"]
    assert plain(float("nan")) is None


def test_the_same_evaluation_gives_the_same_figures(record):
    assert record.evaluations[0] == small_evaluation()


def test_what_is_written_is_what_the_schema_says(record):
    for data in (record.to_bytes(), sign_record(record, "ao-east-1", KEY)):
        jsonschema.validate(json.loads(data), json_schema())

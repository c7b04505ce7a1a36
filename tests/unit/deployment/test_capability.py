"""The capability file: signed, read back, and refused whenever anything about it is not right."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from overt.core.errors import AuthorityError, InputError
from overt.deployment.capability import (
    MAX_FILE_BYTES,
    SIGNED_PREFIX,
    Calibration,
    key_id,
    sign,
    verify,
)
from overt.ledger.canonical import canonical_bytes
from overt.policy.locks import AlertRule


@pytest.fixture
def trusted(signing_key):
    return [signing_key.public_key()]


@pytest.fixture
def file(capability_of, signing_key):
    return sign(capability_of(), signing_key)


def signed_document(document, key, prefix=SIGNED_PREFIX):
    """Return a file around any document, with a signature that fits it."""
    signature = base64.b64encode(key.sign(prefix + canonical_bytes(document))).decode()
    return canonical_bytes(
        {"capability": document, "key_id": key_id(key.public_key()), "signature": signature}
    )


def document_of(file):
    return json.loads(file)["capability"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"calibration": None},
        {"cameras": ("gate", "north door", "Tür 3")},
        {"rule": AlertRule(0.123456, 3, 0.0, 0.25, 0.0)},
        {"authoriser": "Bürgermeisterin \N{SNOWMAN}"},
    ],
    ids=["plain", "without evidence", "cameras", "rule", "any script"],
)
def test_what_was_signed_is_read_back(capability_of, signing_key, trusted, changes):
    capability = capability_of(**changes)
    assert verify(sign(capability, signing_key), trusted) == capability


def test_it_is_found_among_several_trusted_keys(capability_of, signing_key, trusted):
    others = [Ed25519PrivateKey.generate().public_key() for _ in range(3)]
    file = sign(capability_of(), signing_key)
    assert verify(file, [*others, *trusted]) == capability_of()


def test_a_final_line_break_of_an_editor_is_no_forgery(file, trusted, capability_of):
    assert verify(file + b"\n", trusted) == capability_of()


@pytest.mark.parametrize("n_keys", [0, 2])
def test_a_signature_of_somebody_else_is_refused(file, n_keys):
    strangers = [Ed25519PrivateKey.generate().public_key() for _ in range(n_keys)]
    with pytest.raises(AuthorityError, match="not trusted here"):
        verify(file, strangers)


def test_another_key_under_the_trusted_ones_name_is_refused(file, trusted):
    forger = Ed25519PrivateKey.generate()
    forged = json.loads(signed_document(document_of(file), forger))
    forged["key_id"] = key_id(trusted[0])
    with pytest.raises(AuthorityError, match="forged or was altered"):
        verify(canonical_bytes(forged), trusted)


ALTERED = {
    "deployment": "d-2",
    "cameras": ["gate", "another"],
    "not_before_utc": "2025-01-01T12:00:00.000Z",
    "not_after_utc": "2027-01-01T12:00:00.000Z",
    "watchlist_sha256": "b" * 64,
    "detector_sha256": "e" * 64,
    "contract": "another",
    "authoriser": "somebody else",
    "rank": "king",
    "route": "urgent",
    "cosigner": "somebody",
    "application_sha256": "b" * 64,
    "policy_sha256": "b" * 64,
    "presence_within_ms": 1,
    "issued_utc": "2025-01-01T12:00:00.000Z",
    "calibration": None,
}


@pytest.mark.parametrize("field", ALTERED)
def test_no_field_can_be_altered(file, trusted, field):
    forged = json.loads(file)
    assert forged["capability"][field] != ALTERED[field]
    forged["capability"][field] = ALTERED[field]
    with pytest.raises(AuthorityError, match="forged or was altered"):
        verify(canonical_bytes(forged), trusted)


@pytest.mark.parametrize("part", ["rule", "calibration"])
def test_no_number_of_rule_and_evidence_can_be_altered(file, trusted, part):
    for field, value in document_of(file)[part].items():
        forged = json.loads(file)
        forged["capability"][part][field] = value + 1 if isinstance(value, int) else "another"
        with pytest.raises(AuthorityError, match="forged or was altered"):
            verify(canonical_bytes(forged), trusted)


def test_every_field_of_the_format_is_tried_above(file):
    assert set(document_of(file)) == {*ALTERED, "rule", "format"}


@pytest.mark.parametrize(
    "prefix", [b"", b"overt-checkpoint/1\n", b"overt-capability/1\n", b"overt-capability/2"]
)
def test_a_signature_made_for_anything_else_is_no_authority(file, signing_key, trusted, prefix):
    document = document_of(file)
    assert verify(signed_document(document, signing_key), trusted)
    with pytest.raises(AuthorityError, match="forged or was altered"):
        verify(signed_document(document, signing_key, prefix), trusted)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "overt-capability/1"),
        ("rank", ""),
        ("route", "any"),
        ("cosigner", ""),
        ("application_sha256", "A" * 64),
        ("policy_sha256", ""),
        ("presence_within_ms", 0),
        ("presence_within_ms", 3_600_001),
        ("deployment", "Upper Case"),
        ("deployment", ""),
        ("cameras", []),
        ("cameras", ["gate", "gate"]),
        ("cameras", [""]),
        ("cameras", ["g" * 65]),
        ("cameras", "gate"),
        ("watchlist_sha256", "A" * 64),
        ("detector_sha256", "d" * 63),
        ("contract", ""),
        ("authoriser", ""),
        ("not_after_utc", "2026-01-01T12:00:00.000Z"),
        ("not_after_utc", "tomorrow"),
        ("not_after_utc", "2026-01-01T13:00:00"),
        ("not_before_utc", "0001-01-01T00:00:00+12:00"),
        ("not_after_utc", 1),
        ("issued_utc", None),
        ("rule", None),
        ("calibration", {"false_alert_one_in": 0, "source": "an evaluation"}),
        ("covert", True),
    ],
)
def test_a_trusted_key_cannot_sign_nonsense(file, signing_key, trusted, field, value):
    document = document_of(file) | {field: value}
    with pytest.raises(AuthorityError):
        verify(signed_document(document, signing_key), trusted)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("threshold_micro", 0),
        ("threshold_micro", 1_000_000),
        ("threshold_micro", -1),
        ("threshold_micro", 2**53),
        ("threshold_micro", True),
        ("threshold_micro", "450000"),
        ("min_agreeing_shots", 0),
        ("min_agreeing_shots", 4),
        ("lone_shot_surcharge_micro", -1),
        ("min_margin_micro", -1),
        ("repeat_within_s", -1),
        ("extra", 1),
    ],
)
def test_a_rule_out_of_range_is_refused(file, signing_key, trusted, field, value):
    document = document_of(file)
    document["rule"] |= {field: value}
    try:
        forged = signed_document(document, signing_key)
    except InputError:
        return  # no canonical form, so nothing can be signed
    with pytest.raises(AuthorityError):
        verify(forged, trusted)


@pytest.mark.parametrize("missing", ["capability", "key_id", "signature"])
def test_a_part_of_the_envelope_cannot_be_left_out(file, trusted, missing):
    forged = json.loads(file)
    del forged[missing]
    with pytest.raises(AuthorityError, match="not a capability"):
        verify(canonical_bytes(forged), trusted)


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"{}", b"[]", b"null", b"\xff\xfe", b"{" * 1000, b'{"capability":{}}'],
)
def test_what_is_no_capability_is_refused(data, trusted):
    with pytest.raises(AuthorityError, match="not a capability"):
        verify(data, trusted)


def test_a_file_in_another_spelling_is_refused(file, trusted):
    with pytest.raises(AuthorityError, match="not a capability"):
        verify(json.dumps(json.loads(file)).encode(), trusted)


def test_an_endless_file_is_not_parsed(trusted):
    with pytest.raises(AuthorityError, match="too large"):
        verify(b"{" * (MAX_FILE_BYTES + 1), trusted)


@pytest.mark.parametrize(
    "text",
    ["A" * 88, "=" * 88, "é" * 88, "A" * 87 + "\n", "A" * 86 + "==", "A" * 86 + "==\n", ""],
    ids=["no end", "nothing", "not ASCII", "line break", "zeros", "line break after", "empty"],
)
def test_a_signature_that_is_none_is_refused(file, trusted, text):
    forged = json.loads(file) | {"signature": text}
    with pytest.raises(AuthorityError):
        verify(canonical_bytes(forged), trusted)


@pytest.mark.parametrize(
    "changes",
    [
        {"deployment": "Upper Case"},
        {"cameras": ()},
        {"cameras": ("gate", "gate")},
        {"watchlist_sha256": "short"},
        {"authoriser": ""},
        {"authoriser": "\ud800"},
        {"calibration": Calibration(0, "an evaluation")},
        {"rule": AlertRule(1e-9)},
        {"rule": AlertRule(0.45, repeat_within_s=2.0**60)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_the_format_does_not_allow_is_not_signed(capability_of, signing_key, changes):
    with pytest.raises(InputError):
        sign(capability_of(**changes), signing_key)


def test_a_window_that_ends_before_it_begins_is_not_signed(capability_of, signing_key):
    capability = capability_of()
    backwards = replace(capability, not_after_utc=capability.not_before_utc - timedelta(seconds=1))
    with pytest.raises(InputError, match="ends before it begins"):
        sign(backwards, signing_key)


def test_an_endless_time_is_not_signed(capability_of, signing_key):
    with pytest.raises(InputError, match="endless"):
        sign(capability_of(rule=AlertRule(0.45, repeat_within_s=float("inf"))), signing_key)


def test_an_error_repeats_nothing_of_the_file(file, trusted):
    forged = json.loads(file) | {"signature": "secret-text"}
    with pytest.raises(AuthorityError) as caught:
        verify(canonical_bytes(forged), trusted)
    assert "secret-text" not in str(caught.value)
    assert "the office" not in str(caught.value)

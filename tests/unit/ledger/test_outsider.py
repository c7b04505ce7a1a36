"""The verifier for outsiders: each fault is found, and told by its code, file and record."""

import json
import os
import shutil

import pytest

from fixtures.exports import LOG, TIMES_S, cosigned, export, record, records, signed
from fixtures.logs import key_of
from overt.ledger import outsider
from overt.ledger.cosignature import Cosigner
from overt.ledger.merkle import CompactTree, leaf_hash
from overt.ledger.notes import Checkpoint, NoteSigner
from overt.ledger.tiles import bundle

KEY = str(LOG.verifier)
WITNESSES = [Cosigner(f"witness.example/{n}", key_of(f"witness {n}")) for n in range(3)]


def found(folder, **given):
    """Return code, path and record of the finding."""
    with pytest.raises(outsider.Finding) as caught:
        outsider.check(folder, KEY, **given)
    assert caught.value.says.endswith(".")
    return caught.value.code, caught.value.path, caught.value.record


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 600])
def test_a_log_as_it_was_signed_holds(tmp_path, size):
    log, told = records(size), []
    outcome = outsider.check(export(tmp_path, log), KEY, progress=lambda *each: told.append(each))
    assert outcome == {
        "ok": True,
        "origin": LOG.name,
        "n_records": size,
        "root": CompactTree().extend(map(leaf_hash, log)).root.hex(),
        "cosigned": [],
        "first_utc": "2026-01-01T12:00:00.000Z" if size else "",
        "latest_utc": json.loads(log[-1])["time_utc"] if size else "",
        "n_by_kind": {"refusal": size} if size else {},
        "observations": [],
    }
    assert told[-1] == (size, size)


@pytest.mark.slow
def test_a_log_with_three_levels_of_tiles_holds(tmp_path):
    export(tmp_path, records(65_900))
    assert outsider.check(tmp_path, KEY, previous=signed(records(65_537)))["n_records"] == 65_900
    path = tmp_path / "tile/2/000.p/1"
    path.write_bytes(bytes(32))
    assert found(tmp_path) == ("tile", "tile/2/000.p/1", None)


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/000", "tile/entries/001.p/44"])
def test_a_missing_file_is_found(tmp_path, path):
    (export(tmp_path, records(300)) / path).unlink()
    assert found(tmp_path) == ("missing", path, None)


@pytest.mark.parametrize(
    "path", ["README", "tile/0/000.p/3", "tile/0/002", "tile/3/000", "tile/entries/.000.swp"]
)
def test_a_file_too_many_is_found(tmp_path, path):
    extra = export(tmp_path, records(300)) / path
    extra.parent.mkdir(parents=True, exist_ok=True)
    extra.write_bytes(b"")
    assert found(tmp_path) == ("extra", path, None)


def test_what_is_not_a_plain_file_is_found(tmp_path):
    path = export(tmp_path / "log", records(300)) / "tile/0/000"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert found(tmp_path / "log") == ("missing", "tile/0/000", None)
    path.unlink()
    os.mkfifo(path)
    assert found(tmp_path / "log") == ("missing", "tile/0/000", None)
    path.unlink()
    (tmp_path / "elsewhere").rename(path)
    (tmp_path / "log/other").symlink_to(path)
    assert found(tmp_path / "log") == ("extra", "other", None)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda note: b"", "checkpoint"),
        (lambda note: note[:-1], "checkpoint"),
        (lambda note: note + b"\n", "checkpoint"),
        (lambda note: note.replace(b"\n3\n", b"\n03\n"), "checkpoint"),
        (lambda note: note.replace(b"\n3\n", b"\n4\n"), "signature"),
        (lambda note: note.replace(b"\n3\n", b"\n3\n\n"), "checkpoint"),
        (lambda note: note.replace(b"\n\n", b"\nmore\n\n"), "signature"),
        (lambda note: note.replace(b"\n\n", b"\n\x07\n\n"), "checkpoint"),
        (lambda note: b"\xff" + note, "checkpoint"),
        (lambda note: note.partition(b"\n\n")[0] + b"\n\n", "signature"),
        (lambda note: note + note.splitlines(keepends=True)[-1] * 100, "checkpoint"),
        (lambda note: note.replace(b"\xe2\x80\x94 ledger", b"\xe2\x80\x94 other"), "signature"),
        (lambda note: note + b"x" * (1 << 20), "checkpoint"),
    ],
)
def test_a_checkpoint_that_is_not_one_is_found(tmp_path, change, code):
    path = export(tmp_path, records(3)) / "checkpoint"
    path.write_bytes(change(path.read_bytes()))
    assert found(tmp_path) == (code, "checkpoint", None)


def test_another_logs_checkpoint_under_the_same_key_is_found(tmp_path):
    checkpoint = Checkpoint.of("ledger.example/other", CompactTree())
    (tmp_path / "checkpoint").write_bytes(LOG.sign(checkpoint.text))
    assert found(tmp_path) == ("checkpoint", "checkpoint", None)


def test_a_size_beyond_all_files_is_found_without_counting_to_it(tmp_path):
    checkpoint = Checkpoint(LOG.name, 10**17, bytes(32))
    (tmp_path / "checkpoint").write_bytes(LOG.sign(checkpoint.text))
    assert found(tmp_path) == ("missing", "tile/entries/000", None)


NOT_RECORDS = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b"\xff",
    b"[" * 60_000,
    b'{"a":' * 40 + b"1" + b"}" * 40,
    record(1) + b" ",
    record(1).replace(b":1}", b": 1}"),
    record(1).replace(b'"version":1', b'"version":true'),
    record(1).replace(b'"version":1', b'"version":1.0'),
    record(1).replace(b'"version":1', b'"version":2'),
    record(1).replace(b'"version":1', b'"version":1,"version":1'),
    record(1).replace(b'"version":1', b'"versions":1'),
    record(1).replace(b'"refusal"', b"7"),
    record(1).replace(b"rule.1", b"rule.\\u0031"),
    record(1).replace(b"rule.1", b"\\ud800"),
    record(1).replace(b'"rule.1"', b"1.5"),
    record(1).replace(b'"rule.1"', b"1e5"),
    record(1).replace(b'"rule.1"', b"-0"),
    record(1).replace(b'"rule.1"', b"NaN"),
    record(1).replace(b'"rule.1"', b"9007199254740992"),
    record(1).replace(b'"rule.1"', b"-9007199254740992"),
    record(1).replace(b'"rule.1"', b"9" * 5000),
    record(1, body=[]),
    record(1).replace(b'"deployment":null,"rule":"rule.1"', b'"rule":"rule.1","deployment":null'),
    record(1, time_utc="2026-01-01T12:00:00Z"),
    record(1, time_utc="2026-01-01T12:00:00.000+00:00"),
    record(1, time_utc="2026-02-30T12:00:00.000Z"),
    record(1, time_utc="2026-01-01T24:00:00.000Z"),
    record(1, time_utc="2026-01-01T12:60:00.000Z"),
    record(1, time_utc="0000-01-01T12:00:00.000Z"),
    record(1).replace(b"2026", "٢٠٢٦".encode()),
    # Sorted by code points, which canonical JSON does not do.
    record(1).replace(b'{"deployment":null,', '{"\ufb33":1,"\U0001f600":1,'.encode()),
]


@pytest.mark.parametrize("data", NOT_RECORDS, ids=range(len(NOT_RECORDS)))
def test_what_is_no_record_is_found_even_if_it_was_signed(tmp_path, data):
    export(tmp_path, [*records(257), data, record(258)])
    assert found(tmp_path) == ("record", "tile/entries/001.p/3", 257)


RECORDS = [
    record(1, kind="a.kind.that.comes.later"),
    record(1, body={"n": 2**53 - 1, "m": -(2**53) + 1, "digits": "1" * 40}),
    record(1, body={"ß": "日本", "\U0001f600": 1, "\ufb33": [True, None, {}]}),
    record(1, body={"brackets": "{[" * 40}),
    record(1, body={"control": '\x00\x1f\x7f\u2028"\\'}),
    record(1, time_utc="2028-02-29T23:59:59.999Z"),
]


@pytest.mark.parametrize("data", RECORDS, ids=range(len(RECORDS)))
def test_what_is_a_record_is_one(tmp_path, data):
    assert outsider.check(export(tmp_path, [data]), KEY)["n_records"] == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda log: [*log[:5], log[6], log[5], *log[7:]], 5),
        (lambda log: [*log[:5], *log[4:-1]], 5),
        (lambda log: [*log[:5], record(-5), *log[6:]], 5),
        (lambda log: [*log[1:], record(-5)], 0),
    ],
)
def test_changed_order_or_content_is_found_at_the_first_record(tmp_path, change, expected):
    log = records(20)
    export(tmp_path, log)
    (tmp_path / "tile/entries/000.p/20").write_bytes(bundle(change(log)))
    assert found(tmp_path) == ("hash", "tile/0/000.p/20", expected)


@pytest.mark.parametrize("log", [records(19), records(21), [*records(19), b""]])
def test_a_bundle_of_other_records_is_found(tmp_path, log):
    export(tmp_path, records(20))
    path = "tile/entries/000.p/20"
    (tmp_path / path).write_bytes(bundle(log))
    number = 19 if len(log) <= 20 else None
    assert found(tmp_path) == ("bundle" if len(log) != 20 else "record", path, number)


def test_a_bundle_too_large_to_be_one_is_found(tmp_path):
    path = export(tmp_path, records(1)) / "tile/entries/000.p/1"
    with path.open("ab") as file:
        file.truncate(1 << 26)
    assert found(tmp_path) == ("bundle", "tile/entries/000.p/1", None)


def test_records_and_tiles_that_fit_each_other_but_not_the_checkpoint_are_found(tmp_path):
    note = export(tmp_path / "signed", records(300)) / "checkpoint"
    export(tmp_path / "forged", [*records(3), record(-3), *records(300)[4:]])
    shutil.copy(note, tmp_path / "forged")
    assert found(tmp_path / "forged") == ("root", None, None)


@pytest.mark.parametrize("data", [b"", bytes(32), None])
def test_a_higher_tile_that_does_not_follow_is_found(tmp_path, data):
    path = export(tmp_path, records(600)) / "tile/1/000.p/2"
    path.write_bytes(path.read_bytes() + b"\0" if data is None else data)
    assert found(tmp_path) == ("tile", "tile/1/000.p/2", None)


@pytest.mark.parametrize("data", [b"", None])
def test_a_tile_of_another_length_is_found(tmp_path, data):
    path = export(tmp_path, records(3)) / "tile/0/000.p/3"
    path.write_bytes(path.read_bytes() + b"\0" if data is None else data)
    expected = ("tile", None) if data is None else ("hash", 0)
    assert found(tmp_path) == (expected[0], "tile/0/000.p/3", expected[1])


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 300, 512])
def test_an_earlier_checkpoint_of_the_same_history_is_part_of_it(tmp_path, size):
    log = records(512)
    export(tmp_path, log)
    assert outsider.check(tmp_path, KEY, previous=signed(log[:size]))["ok"]


@pytest.mark.parametrize("size", [1, 255, 256, 257, 300, 512])
def test_a_rewritten_history_is_found(tmp_path, size):
    export(tmp_path, records(512))
    other = [record(-1), *records(512)[1:]]
    assert found(tmp_path, previous=signed(other[:size])) == ("previous", None, None)


def test_a_log_that_was_cut_short_is_found(tmp_path):
    log = records(300)
    export(tmp_path, log[:299])
    assert found(tmp_path, previous=signed(log)) == ("previous", "checkpoint", None)


def test_an_earlier_checkpoint_of_another_key_or_of_none_says_nothing(tmp_path):
    export(tmp_path, records(3))
    impostor = NoteSigner(LOG.name, key_of("an impostor"))
    assert found(tmp_path, previous=signed(records(3), impostor)) == ("signature", None, None)
    assert found(tmp_path, previous=b"none") == ("previous", None, None)


def test_witnesses_are_told_with_their_times(tmp_path):
    log = records(3)
    export(tmp_path, log, cosigned(signed(log), *WITNESSES))
    keys = [str(witness.verifier) for witness in WITNESSES]
    outcome = outsider.check(tmp_path, KEY, keys)
    assert outcome["cosigned"] == [
        {"name": witness.name, "time_s": time_s}
        for witness, time_s in zip(WITNESSES, TIMES_S, strict=True)
    ]
    assert outsider.check(tmp_path, KEY)["cosigned"] == []


def test_too_few_witnesses_are_found(tmp_path):
    log = records(3)
    export(tmp_path, log, cosigned(signed(log), *WITNESSES[:2]))
    keys = [str(witness.verifier) for witness in WITNESSES]
    assert found(tmp_path, witness_keys=keys) == ("cosignature", "checkpoint", None)
    assert len(outsider.check(tmp_path, KEY, keys, quorum=2)["cosigned"]) == 2
    same = [keys[0], str(Cosigner("alias.example", WITNESSES[0].private_key).verifier)]
    assert len(outsider.check(tmp_path, KEY, same)["cosigned"]) == 1
    assert found(tmp_path, witness_keys=same, quorum=2)[0] == "cosignature"


def test_a_cosignature_of_another_checkpoint_is_found(tmp_path):
    log = records(3)
    line = cosigned(signed(log[:2]), WITNESSES[0]).splitlines(keepends=True)[-1]
    export(tmp_path, log, signed(log) + line)
    keys = [str(WITNESSES[0].verifier)]
    assert found(tmp_path, witness_keys=keys) == ("cosignature", "checkpoint", None)


@pytest.mark.parametrize(
    "key", ["", "name", "a+b+c", f"{KEY}=", KEY[:-1], KEY.replace("+", "+0", 1), f"x{KEY}"]
)
def test_a_key_that_is_none_is_a_value_error(tmp_path, key):
    with pytest.raises(ValueError):
        outsider.check(tmp_path, key)
    with pytest.raises(ValueError):
        outsider.check(tmp_path, str(WITNESSES[0].verifier))
    with pytest.raises(ValueError):
        outsider.check(tmp_path, KEY, [KEY])


TOTALS = {
    "faces_detected": 3,
    "faces_rejected": 1,
    "faces_compared": 2,
    "faces_alerted": 1,
    "faces_erased": 1,
}


def test_what_does_not_add_up_is_observed_and_is_no_finding(tmp_path):
    log = [
        record(5),
        record(4),
        record(6, "run.stopped", {"totals": TOTALS}),
        record(7, "run.stopped", {"totals": TOTALS | {"faces_erased": 0}}),
        record(8, "run.stopped", {"totals": TOTALS | {"faces_erased": "one"}}),
        record(9, "run.stopped", {"totals": []}),
        record(9, "run.stopped", {}),
    ]
    outcome = outsider.check(export(tmp_path, log), KEY)
    assert outcome["ok"]
    assert [each["record"] for each in outcome["observations"]] == [1, 3, 4, 5, 6]

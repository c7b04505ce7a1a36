import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fixtures.exports import LOG, export, files, record, records, signed
from overt.core.errors import InputError, IntegrityError, StorageError
from overt.ledger import outsider
from overt.ledger.export import ExportedLog
from overt.ledger.notes import NoteSigner
from overt.ledger.tiles import bundles_of, inclusion_proof, tiles_of

STEPS = [
    [0],
    [1],
    [256],
    [0, 3, 255, 256, 300, 600, 600],
    [300, 511, 513],
]


@pytest.mark.parametrize("steps", STEPS)
def test_written_in_steps_or_at_once_it_is_the_same_folder(tmp_path, steps):
    log, n_before = records(steps[-1]), 0
    for size in steps:
        given = []
        note = signed(log[:size])

        def from_number(first, given=given):
            given.append(first)
            return iter(log[first:])

        written = ExportedLog(tmp_path / "steps").write(note, from_number)
        assert written == size - n_before
        assert given == [n_before - n_before % 256]
        n_before = size
    export(tmp_path / "once", log)
    assert files(tmp_path / "steps") == files(tmp_path / "once")
    expected = [name.path for name in (*tiles_of(n_before), *bundles_of(n_before))]
    assert files(tmp_path / "once").keys() == {"checkpoint", *expected}


def test_what_was_written_is_read_back(tmp_path):
    log = records(600)
    exported = ExportedLog(export(tmp_path, log))
    assert exported.size == 600
    assert exported.note() == signed(log)
    for first in (0, 1, 255, 256, 300, 599, 600):
        assert list(exported.records(first)) == log[first:]
    assert len(inclusion_proof(exported, 3, 300)) == 9
    with pytest.raises(IntegrityError):
        exported.tile(0, 2, 89)


def test_an_export_of_nothing(tmp_path):
    exported = ExportedLog(tmp_path / "none")
    assert (exported.note(), exported.size) == (None, 0)
    assert list(exported.records()) == []


def test_only_what_was_signed_is_written(tmp_path):
    log = records(10)
    ExportedLog(tmp_path).write(signed(log[:7]), lambda first: iter(log[first:]))
    assert list(ExportedLog(tmp_path).records()) == log[:7]


@pytest.mark.parametrize(("size", "number"), [(300, 256), (300, 299), (300, 300), (256, 256)])
def test_records_that_were_not_signed_leave_the_earlier_export_as_it_was(tmp_path, size, number):
    log = records(size)
    before = files(export(tmp_path, log))
    forged = [*log, record(-1)]
    forged[number] = record(-2)
    with pytest.raises(IntegrityError):
        ExportedLog(tmp_path).write(signed([*log, record(-1)]), lambda n: iter(forged[n:]))
    after = files(tmp_path)
    assert {path: after[path] for path in before} == before
    export(tmp_path, [*log, record(-1)])
    assert outsider.check(tmp_path, str(LOG.verifier))["ok"]


def test_too_few_records_are_no_export(tmp_path):
    log = records(5)
    with pytest.raises(IntegrityError):
        ExportedLog(tmp_path).write(signed(log), lambda first: iter(log[first:4]))
    assert ExportedLog(tmp_path).note() is None


@pytest.mark.parametrize("n_before", [0, 255, 300])
def test_interrupted_anywhere_it_is_the_earlier_export_and_can_be_finished(tmp_path, n_before):
    log = records(700)
    export(tmp_path, log[:n_before])
    before = files(tmp_path)

    def broken(first):
        yield from log[first:650]
        raise StorageError("The disk is full.")

    with pytest.raises(StorageError):
        ExportedLog(tmp_path).write(signed(log), broken)
    assert {path: files(tmp_path)[path] for path in before} == before
    (tmp_path / ".unfinished").write_bytes(b"half a ti")
    export(tmp_path, log)
    assert files(tmp_path) == files(export(tmp_path.with_name("fresh"), log))


def test_a_damaged_edge_is_not_written_over(tmp_path):
    log = records(300)
    path = export(tmp_path, log) / "tile/1/000.p/1"
    path.write_bytes(bytes(32))
    for longer in (log, records(301)):
        with pytest.raises(IntegrityError):
            export(tmp_path, longer)
    assert path.read_bytes() == bytes(32)


def test_an_export_never_shrinks(tmp_path):
    log = records(10)
    export(tmp_path, log)
    with pytest.raises(InputError, match="10"):
        export(tmp_path, log[:9])


def test_another_logs_folder_is_refused(tmp_path):
    other = NoteSigner("another.example", Ed25519PrivateKey.generate())
    export(tmp_path, records(3))
    with pytest.raises(InputError):
        export(tmp_path, records(4), signed(records(4), other))


def test_a_note_that_is_none_is_refused(tmp_path):
    with pytest.raises(InputError):
        export(tmp_path, [], b"no note")
    assert files(tmp_path) == {}


def test_what_cannot_be_written_or_read_is_a_storage_error(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StorageError):
        export(tmp_path / "taken", records(3))
    (tmp_path / "folder" / "checkpoint").mkdir(parents=True)
    with pytest.raises(StorageError):
        ExportedLog(tmp_path / "folder").note()


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("tile/entries/001.p/44", None),
        ("tile/entries/001.p/44", lambda data: data[:-1]),
        ("tile/entries/000", lambda data: data + b"\0\0"),
    ],
)
def test_a_damaged_bundle_is_found(tmp_path, path, change):
    exported = ExportedLog(export(tmp_path, records(300)))
    if change is None:
        (tmp_path / path).unlink()
    else:
        (tmp_path / path).write_bytes(change((tmp_path / path).read_bytes()))
    with pytest.raises(IntegrityError, match=path):
        list(exported.records())

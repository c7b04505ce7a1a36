import base64

import pytest

from fixtures.logs import Book, Log, key_of, records
from overt.core.errors import InputError, StateError, StorageError
from overt.ledger.cosignature import Cosigner, cosignatures, with_lines
from overt.ledger.merkle import EMPTY_ROOT
from overt.ledger.notes import Checkpoint
from overt.ledger.witness import (
    AddCheckpoint,
    Cosigned,
    Reason,
    Refused,
    Status,
    WatchedLog,
    add_checkpoint,
)

NOW_S = 1_800_000_000

# From C2SP tlog-witness.
PUBLISHED_REQUEST = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcy\
v2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
\u2014 example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V\
6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
""".encode()


WITNESS = Cosigner("witness.example/w", key_of("witness"))


@pytest.fixture
def log():
    return Log("example.com/log", records(300))


@pytest.fixture
def book(log):
    return Book(log)


@pytest.fixture
def ask(book):
    return lambda data, time_s=NOW_S: add_checkpoint(data, book, WITNESS, time_s)


def refused(answer, reason, status, known_size=None):
    assert isinstance(answer, Refused)
    assert (answer.reason, answer.status.value) == (reason, status)
    assert answer.known_size == known_size
    assert answer.sentence.endswith(".")
    return True


def test_the_published_request_is_read_and_written_alike():
    request = AddCheckpoint.parse(PUBLISHED_REQUEST)
    assert (request.old_size, len(request.proof)) == (20852014, 4)
    assert request.checkpoint.size == 20852163
    assert request.to_bytes() == PUBLISHED_REQUEST


def test_a_first_checkpoint_is_cosigned(log, book, ask):
    answer = ask(log.request(0, 5))
    assert isinstance(answer, Cosigned)
    (found,) = cosignatures(with_lines(log.note(5), [answer.line]), [WITNESS.verifier])
    assert (found.witness, found.time_s) == (WITNESS.verifier, NOW_S)
    assert book.kept == [("example.com/log", 5, log.root(5))]


@pytest.mark.parametrize("sizes", [(0, 5, 300), (1, 2, 3, 4), (5, 5), (256, 257), (0, 0, 1)])
def test_a_log_that_only_grows_is_cosigned_at_every_step(log, book, ask, sizes):
    known = 0
    for size in sizes:
        assert isinstance(ask(log.request(known, size)), Cosigned)
        known = size
    assert [size for _, size, _ in book.kept] == list(sizes)


def test_an_unknown_log_is_refused(ask):
    stranger = Log("example.com/stranger", records(3))
    assert refused(ask(stranger.request(0, 3)), Reason.UNKNOWN_LOG, 404)


def test_another_logs_signature_does_not_count(log, ask):
    impostor = Log("example.com/log", records(3), key_of("an impostor"))
    assert refused(ask(impostor.request(0, 3)), Reason.BAD_SIGNATURE, 403)
    assert isinstance(ask(log.request(0, 3)), Cosigned)


def test_a_signature_over_another_text_does_not_count(log, ask):
    data = log.request(0, 3).replace(b"\n3\n", b"\n4\n")
    assert refused(ask(data), Reason.BAD_SIGNATURE, 403)


def test_an_old_size_that_is_not_the_last_is_told_the_last(log, ask):
    ask(log.request(0, 5))
    assert refused(ask(log.request(0, 9)), Reason.OTHER_OLD_SIZE, 409, 5)
    assert refused(ask(log.request(7, 9)), Reason.OTHER_OLD_SIZE, 409, 5)
    assert isinstance(ask(log.request(5, 9)), Cosigned)


def test_a_replayed_old_checkpoint_is_refused(log, book, ask):
    old = log.request(0, 5)
    ask(old)
    ask(log.request(5, 9))
    assert refused(ask(old), Reason.OLDER, 409, 9)
    assert refused(ask(log.request(5, 5)), Reason.OLDER, 409, 9)
    assert book.logs["example.com/log"].size == 9


def test_a_truncated_log_is_refused(log, ask):
    ask(log.request(0, 200))
    shorter = Log("example.com/log", records(199))
    assert refused(ask(shorter.request(0, 199)), Reason.OLDER, 409, 200)


def test_a_fork_at_the_same_size_is_refused_with_its_evidence(log, book, ask):
    ask(log.request(0, 5))
    other = Log("example.com/log", records(300, first=b"altered"))
    for old_size in (0, 5):
        answer = ask(other.request(old_size, 5))
        assert refused(answer, Reason.FORK, 409, 5)
        assert answer.evidence == (log.note(5), other.note(5))
    assert len(book.kept) == 1


@pytest.mark.parametrize("n_proved", [0, 5, 8])
def test_a_fork_that_grew_cannot_be_proved(log, ask, n_proved):
    ask(log.request(0, n_proved or 5))
    other = Log("example.com/log", records(300, first=b"altered"))
    known = n_proved or 5
    assert refused(ask(other.request(known, 9)), Reason.BAD_PROOF, 422)


def test_reordered_records_cannot_be_proved(log, ask):
    ask(log.request(0, 8))
    reordered = Log("example.com/log", [*reversed(records(8)), *records(9)[8:]])
    assert refused(ask(reordered.request(8, 9)), Reason.BAD_PROOF, 422)


def test_every_altered_hash_of_a_proof_is_found(log, ask):
    ask(log.request(0, 100))
    request = AddCheckpoint.parse(log.request(100, 300))
    assert len(request.proof) > 4
    for n in range(len(request.proof)):
        altered = list(request.proof)
        altered[n] = bytes([altered[n][0] ^ 1]) + altered[n][1:]
        for proof in (altered, request.proof[:n], (*request.proof[:n], *request.proof[n + 1 :])):
            data = AddCheckpoint(100, tuple(proof), request.note).to_bytes()
            assert refused(ask(data), Reason.BAD_PROOF, 422)
    assert isinstance(ask(request.to_bytes()), Cosigned)


def test_a_proof_where_none_is_needed_is_refused(log, ask):
    for old_size, size in ((0, 5), (5, 5)):
        data = AddCheckpoint(old_size, (bytes(32),), log.note(size)).to_bytes()
        assert refused(ask(data), Reason.BAD_PROOF, 422)
        ask(log.request(0, 5))


def test_an_empty_log_has_the_empty_root(log, ask):
    text = Checkpoint("example.com/log", 0, bytes(32)).text
    assert refused(ask(AddCheckpoint(0, (), log.signer.sign(text)).to_bytes()), Reason.FORK, 409, 0)
    assert Checkpoint.parse(log.note(0).decode().partition("\n\n")[0] + "\n").root == EMPTY_ROOT
    assert isinstance(ask(log.request(0, 0)), Cosigned)


def test_an_old_size_beyond_the_checkpoint_is_refused(log, ask):
    data = AddCheckpoint(6, (), log.note(5)).to_bytes()
    assert refused(ask(data), Reason.MALFORMED, 400)


def test_two_logs_are_kept_apart(log):
    other = Log("example.com/other", records(50, first=b"altered"))
    book = Book(log, other)
    for size, known in ((5, 0), (9, 5)):
        for each in (log, other):
            answer = add_checkpoint(each.request(known, size), book, WITNESS, NOW_S)
            assert isinstance(answer, Cosigned)
    # One log's tree, signed by the other's key, is no tree of either.
    crossed = AddCheckpoint(
        9, (), other.signer.sign(Checkpoint("example.com/log", 9, bytes(32)).text)
    )
    answer = add_checkpoint(crossed.to_bytes(), book, WITNESS, NOW_S)
    assert refused(answer, Reason.BAD_SIGNATURE, 403)


def test_a_log_may_sign_with_any_of_its_keys(log, book, ask):
    successor = Log("example.com/log", records(300), key_of("the next key"))
    watched = book.logs["example.com/log"]
    keys = (*watched.keys, successor.signer.verifier)
    book.logs["example.com/log"] = WatchedLog(watched.origin, keys)
    assert isinstance(ask(log.request(0, 5)), Cosigned)
    assert isinstance(ask(successor.request(5, 9)), Cosigned)


def test_nothing_is_cosigned_that_could_not_be_kept(log, book, ask):
    book.is_full = True
    with pytest.raises(StorageError):
        ask(log.request(0, 5))


def test_what_was_seen_is_kept_before_it_is_cosigned(log, book):
    class DeadError(Exception):
        pass

    class DyingCosigner(Cosigner):
        def cosign(self, text, time_s):
            raise DeadError

    with pytest.raises(DeadError):
        add_checkpoint(
            log.request(0, 5), book, DyingCosigner(WITNESS.name, WITNESS.private_key), NOW_S
        )
    assert book.logs["example.com/log"].size == 5
    # The same tree is cosigned once more, and no other of its size.
    other = Log("example.com/log", records(300, first=b"altered"))
    assert refused(add_checkpoint(other.request(5, 5), book, WITNESS, NOW_S), Reason.FORK, 409, 5)
    assert isinstance(add_checkpoint(log.request(5, 5), book, WITNESS, NOW_S), Cosigned)


def test_a_clock_that_was_set_back_stops_the_witness(log, ask):
    ask(log.request(0, 5), NOW_S)
    with pytest.raises(StateError, match="clock"):
        ask(log.request(5, 9), NOW_S - 1)
    assert isinstance(ask(log.request(5, 9), NOW_S), Cosigned)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"old 2", b"old  2"),
        (b"old 2", b"old 02"),
        (b"old 2", b"old -2"),
        (b"old 2", b"Old 2"),
        (b"old 2", b"size 2"),
        (b"old 2\n", b"old 2\r\n"),
        (b"old 2\n", b"old 2\n\n"),
        (b"old 2\n", b"old 2\nAAAA\n"),
        (b"old 2\n", b"old 2\n" + b"=" * 44 + b"\n"),
        (b"old 2\n", b"old 2\n" + (base64.b64encode(bytes(32)) + b"\n") * 64),
        (b"old 2\n", b"old 9999999999999999999999999\n"),
        (b"old 2\n", "old 2\nÄ\n".encode()),
        (b"\n3\n", b"\n03\n"),
        (b"\n\nexample", b"\nexample"),
        ("\n\n\u2014".encode(), "\n\u2014".encode()),
    ],
)
def test_a_request_that_is_nearly_in_form_is_refused(log, ask, old, new):
    ask(log.request(0, 2))
    data = log.request(2, 3)
    assert old in data
    assert refused(ask(data.replace(old, new, 1)), Reason.MALFORMED, 400)


def test_a_request_larger_than_any_is_refused():
    with pytest.raises(InputError):
        AddCheckpoint.parse(b"old 0\n" + bytes(1 << 20))


def test_every_reason_has_the_protocols_status():
    assert {Reason(reason): Status for reason in Reason}
    assert {status.value for status in Status} == {200, 400, 403, 404, 409, 422}

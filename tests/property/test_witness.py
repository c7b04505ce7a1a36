"""Whatever a log and its impostors try, an honest witness tells one history of it."""

import contextlib
import hashlib
import json

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fixtures.logs import Book, Log, key_of, records
from overt.cli.ledger_witness_folder import WitnessState
from overt.core.errors import InputError, IntegrityError, StateError
from overt.ledger.cosignature import (
    Cosigner,
    WitnessPolicy,
    WitnessVerifier,
    cosignatures,
    parse_lines,
    with_lines,
)
from overt.ledger.merkle import verify_consistency
from overt.ledger.notes import Checkpoint
from overt.ledger.proof_file import HEADER, ProofFile
from overt.ledger.tiles import inclusion_proof
from overt.ledger.witness import AddCheckpoint, Cosigned, Reason, Refused, add_checkpoint

WITNESS = Cosigner("witness.example/w", key_of("witness"))
N = 40
NAME = "example.com/log"
HONEST = Log(NAME, records(N))
FORKED = [  # the same key, and other histories
    Log(NAME, records(N, first=b"altered")),
    Log(NAME, [*records(N)[:20], *reversed(records(N)[20:])]),
    Log(NAME, [*records(N)[:-1], b"altered at the end"]),
]
IMPOSTOR = Log(NAME, records(N), key_of("impostor"))
STRANGER = Log("example.com/stranger", records(N))
SIZES = st.integers(0, N)
HISTORIES = st.sampled_from([HONEST, *FORKED])
REQUESTS = [HONEST.request(0, N), HONEST.request(20, N), FORKED[0].request(7, 9)]


class Equivocation(RuleBasedStateMachine):
    """Logs that fork, go back, replay and forge, before one witness."""

    def __init__(self):
        super().__init__()
        self.book = Book(HONEST)
        self.cosigned = []
        self.lines = []
        self.sent = []
        self.time_s = 1_800_000_000

    def ask(self, data):
        self.sent.append(data)
        answer = add_checkpoint(data, self.book, WITNESS, self.time_s)
        if isinstance(answer, Cosigned):
            assert self.book.kept[-1] == (
                NAME,
                answer.checkpoint.size,
                answer.checkpoint.root,
            )
            self.cosigned.append(answer.checkpoint)
            self.lines.append(answer.line)
        return answer

    @property
    def known(self):
        return self.book.logs[NAME].size

    @rule(log=HISTORIES, size=SIZES)
    def grow(self, log, size):
        """With the right old size, and the best proof that this history has."""
        self.ask(log.request(min(self.known, size), size))

    @rule(log=HISTORIES, old_size=SIZES, size=SIZES)
    def guess(self, log, old_size, size):
        self.ask(log.request(min(old_size, size), size))

    @rule(
        by=st.sampled_from([HONEST, *FORKED]), proves=st.sampled_from([HONEST, *FORKED]), size=SIZES
    )
    def borrow_a_proof(self, by, proves, size):
        """One history's checkpoint with another's proof."""
        if size >= self.known:
            proof = AddCheckpoint.parse(proves.request(self.known, size)).proof
            self.ask(AddCheckpoint(self.known, proof, by.note(size)).to_bytes())

    @rule(data=st.data())
    def forge_a_proof(self, data):
        size = data.draw(st.integers(self.known, N))
        proof = data.draw(st.lists(st.binary(min_size=32, max_size=32), max_size=7))
        note = data.draw(st.sampled_from(FORKED)).note(size)
        self.ask(AddCheckpoint(self.known, tuple(proof), note).to_bytes())

    @rule(data=st.data())
    def replay(self, data):
        if self.sent:
            self.ask(data.draw(st.sampled_from(self.sent)))

    @rule(log=st.sampled_from([IMPOSTOR, STRANGER]), size=SIZES)
    def pretend(self, log, size):
        old_size = min(self.known, size)
        assert isinstance(self.ask(log.request(old_size, size)), Refused)

    @rule(seconds=st.integers(-5, 5))
    def let_time_pass(self, seconds):
        """Or go back, which stops the witness until the clock is right."""
        self.time_s += seconds
        head = self.book.logs[NAME].head
        if head is not None and self.time_s < head.time_s:
            with contextlib.suppress(StateError):
                assert isinstance(self.ask(HONEST.request(self.known, N)), Refused)
            self.time_s = head.time_s

    @rule()
    def an_honest_log_is_never_kept_waiting(self):
        if self.book.logs[NAME].root == HONEST.root(self.known):
            assert isinstance(self.ask(HONEST.request(self.known, N)), Cosigned)

    @invariant()
    def no_two_roots_for_one_size(self):
        roots = {each.size: each.root for each in self.cosigned}
        assert all(roots[each.size] == each.root for each in self.cosigned)

    @invariant()
    def never_back(self):
        sizes = [each.size for each in self.cosigned]
        assert sizes == sorted(sizes)
        times_s = [int.from_bytes(line.signature[:8]) for line in self.lines]
        assert times_s == sorted(times_s)

    @invariant()
    def one_history(self):
        """Every two trees that were cosigned begin alike: some log had them both."""
        histories = [HONEST, *FORKED]
        assert any(
            all(log.root(each.size) == each.root for each in self.cosigned) for log in histories
        )


TestEquivocation = Equivocation.TestCase
TestEquivocation.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)

ANSWER = f"{WITNESS.cosign(Checkpoint(NAME, N, HONEST.root(N)).text, 1)}\n".encode()
REQUEST_PARTS = ("old ", "0", "1", "\n", "\n\n", "A" * 43 + "=", "\u2014 ", NAME, " ", "+", "\r")
REQUEST_LIKE = st.lists(st.sampled_from(REQUEST_PARTS)).map(lambda parts: "".join(parts).encode())


@st.composite
def altered(draw, of):
    data = bytearray(draw(of))
    for _ in range(draw(st.integers(1, 3))):
        position = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(["change", "cut", "insert"])):
            case "change":
                data[position] = draw(st.integers(0, 255))
            case "cut":
                del data[position : position + draw(st.integers(1, 4))]
            case "insert":
                data[position:position] = draw(st.binary(max_size=4))
        data = data or bytearray(b"\n")
    return bytes(data)


FOREIGN = st.binary() | REQUEST_LIKE | altered(st.sampled_from(REQUESTS))


@given(FOREIGN)
def test_foreign_requests_are_answered_and_never_raise(data):
    answer = add_checkpoint(data, Book(HONEST), WITNESS, 0)
    if isinstance(answer, Refused):
        assert answer.reason in Reason
    else:
        # A change that is none to a reader, such as in a signature of an unknown key.
        assert answer.checkpoint.root in {HONEST.root(answer.checkpoint.size), FORKED[0].root(9)}


@given(FOREIGN)
def test_a_request_that_is_accepted_is_in_its_only_form(data):
    with contextlib.suppress(InputError):
        assert AddCheckpoint.parse(data).to_bytes() == data


@given(st.binary() | REQUEST_LIKE | altered(st.just(ANSWER)))
def test_foreign_answers_raise_only_input_errors(data):
    with contextlib.suppress(InputError):
        lines = parse_lines(data)
        assert "".join(f"{line}\n" for line in lines).encode() == data


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_foreign_witness_keys_raise_only_input_errors(text):
    with contextlib.suppress(InputError):
        assert str(WitnessVerifier.parse(text)) == text


@given(altered(st.sampled_from(REQUESTS)))
def test_foreign_checkpoints_raise_only_our_errors(data):
    with contextlib.suppress(InputError, IntegrityError):
        cosignatures(data, [WITNESS.verifier])
    with contextlib.suppress(InputError, IntegrityError):
        WitnessPolicy((WITNESS.verifier,), 1).open(data, HONEST.signer.verifier)


def proof_of(index, size, record=None):
    line = WITNESS.cosign(Checkpoint(NAME, size, HONEST.root(size)).text, 1)
    note = with_lines(HONEST.note(size), [line])
    return ProofFile(index, inclusion_proof(HONEST.tiles, index, size), note, record)


POLICY = WitnessPolicy((WITNESS.verifier,), 1)


STATE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(NAME),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["head", "keys", "origin", "version", "note"]), inner)
    ),
    max_leaves=8,
).map(lambda value: json.dumps(value, separators=(",", ":"), sort_keys=True).encode())


@given(data=st.binary() | STATE | altered(st.just(b"{}")))
def test_a_state_that_is_none_raises_only_integrity_errors(data, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "state"
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    (folder / "logs" / f"{hashlib.sha256(NAME.encode()).hexdigest()}.json").write_bytes(data)
    try:
        log = WitnessState(folder).watched(NAME)
    except IntegrityError:
        return
    assert log.origin == NAME
    assert log.head is None


@given(st.integers(1, N), st.data())
def test_every_record_is_proved_by_its_file(size, data):
    index = data.draw(st.integers(0, size - 1))
    record = records(N)[index]
    carried = data.draw(st.sampled_from([None, record]))
    written = proof_of(index, size, carried).to_bytes()
    read = ProofFile.parse(written)
    assert read.to_bytes() == written
    assert read.record == carried
    checkpoint, cosigned = read.check(record, HONEST.signer.verifier, POLICY)
    assert checkpoint.size == size
    assert len(cosigned) == 1


@given(st.integers(0, N - 1), st.integers(0, N - 1))
def test_no_other_record_is_proved(index, other):
    if records(N)[index] != records(N)[other]:
        try:
            proof_of(index, N).check(records(N)[other], HONEST.signer.verifier, POLICY)
        except IntegrityError:
            return
        raise AssertionError(f"record {other} was proved to stand at {index}")


@given(st.integers(0, N - 1), st.data())
def test_a_changed_byte_of_a_proof_is_found(index, data):
    record = records(N)[index]
    written = bytearray(proof_of(index, N).to_bytes())
    position = data.draw(st.integers(0, len(written) - 1))
    written[position] ^= data.draw(st.integers(1, 255))
    try:
        ProofFile.parse(bytes(written)).check(record, HONEST.signer.verifier, POLICY)
    except (InputError, IntegrityError):
        return
    raise AssertionError(f"byte {position} is not covered")


@given(st.binary() | REQUEST_LIKE.map(lambda data: f"{HEADER}\n".encode() + data))
def test_foreign_proofs_raise_only_input_errors(data):
    with contextlib.suppress(InputError):
        assert ProofFile.parse(data).to_bytes() == data


@given(SIZES, SIZES, st.sampled_from(FORKED))
def test_the_proof_that_a_witness_takes_is_that_of_the_tree(old_size, size, fork):
    """The state machine rests on this: no history is proved to begin with another."""
    if 0 < old_size <= size and fork.root(old_size) != HONEST.root(old_size):
        proof = AddCheckpoint.parse(fork.request(old_size, size)).proof
        with contextlib.suppress(IntegrityError):
            verify_consistency(old_size, HONEST.root(old_size), size, fork.root(size), proof)
            raise AssertionError("a fork was proved")

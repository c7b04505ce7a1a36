"""The ledger by itself: how fast it grows, how it is proved and checked, beside plain appends.

Records are those of a run: minutes, presence, alerts, steps and looks. Overt makes each record from
its act, hashes it into the tree, signs checkpoints and keeps everything in its database. The peers
are handed the same bytes ready-made: one appends them to SQLite with nothing but a number, the
other with a chain of hashes. All three reach the disk with each transaction, and take turns.
"""

import itertools
import random
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

from rich.console import Console

from overt.cli.measured import Series
from overt.core.clock import SystemClock
from overt.core.counts import FaceCounts
from overt.core.ids import AlertId, CameraId, DeploymentId, EntryId, PersonId, Sha256
from overt.ledger import outsider
from overt.ledger.acts import Act, AlertRaised, AlertStep, LookTaken, PresenceSeen, RunCounts
from overt.ledger.export import ExportedLog
from overt.ledger.notes import Checkpoint, parse_note
from overt.ledger.proof_file import ProofFile
from overt.ledger.records import LedgerRecord, counts_body
from overt.ledger.witness import AddCheckpoint
from overt.store.plain_log import PlainLog
from overt.store.store import Store

BATCH: Final = 1000
ROUND: Final = 10
"""Transactions of a batch each before the next takes its turn."""

N_SINGLE: Final = 500
N_PROOFS: Final = 200
MARKS: Final = (0, 25, 50, 75, 100)
"""Where on the way, in percent, the rate is told."""


@dataclass(slots=True)
class LedgerBench:
    """What was measured; see :meth:`as_dict`."""

    n_records: int
    append_s: list[float] = field(default_factory=list)
    overt_rate: Series = field(default_factory=Series)
    cpu_us_a_record: Series = field(default_factory=Series)
    plain_rate: Series = field(default_factory=Series)
    chain_rate: Series = field(default_factory=Series)
    single_rate: Series = field(default_factory=Series)
    plain_single_rate: Series = field(default_factory=Series)
    open_ms: Series = field(default_factory=Series)
    inclusion_ms: Series = field(default_factory=Series)
    inclusion_bytes: Series = field(default_factory=Series)
    consistency_ms: Series = field(default_factory=Series)
    consistency_bytes: Series = field(default_factory=Series)
    figures: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return every figure; series as median, least and greatest."""
        series = {
            name: getattr(self, name).as_dict()
            for name in (
                *("overt_rate", "cpu_us_a_record", "plain_rate", "chain_rate"),
                *("single_rate", "plain_single_rate"),
                *("open_ms", "inclusion_ms", "inclusion_bytes"),
                *("consistency_ms", "consistency_bytes"),
            )
        }
        return {
            "n_records": self.n_records,
            "records_a_second": round(self.n_records / sum(self.append_s)),
            "records_a_second_at_percent": self._at_marks(),
            **series,
            **{name: round(value, 3) for name, value in self.figures.items()},
        }

    def _at_marks(self) -> dict[str, int]:
        """Return the rate in the tenth of the way around each mark."""
        n_rounds = len(self.append_s)
        near = max(1, n_rounds // 10)
        rates: dict[str, int] = {}
        for mark in MARKS:
            first = round((n_rounds - near) * mark / 100)
            taken = self.append_s[first : first + near]
            n_taken = min(self.n_records, (first + near) * BATCH * ROUND) - first * BATCH * ROUND
            rates[str(mark)] = round(n_taken / sum(taken))
        return rates


def measure_ledger(n_records: int, folder: Path | None, console: Console) -> LedgerBench:
    """Measure a ledger of ``n_records`` in a temporary place under ``folder``, then delete it.

    Raises:
        StorageError: there is no room for it.
    """
    bench = LedgerBench(n_records)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place = Path(name)
        _append(bench, place, console)
        _check(bench, place / "home", console)
        _prove(bench, place / "home", console)
        _export(bench, place, console)
    return bench


def _append(bench: LedgerBench, place: Path, console: Console) -> None:
    records, clock = _records(), SystemClock()
    with (
        Store.open(place / "home", clock) as store,
        PlainLog(place / "plain.sqlite3") as plain,
        PlainLog(place / "chain.sqlite3", chained=True) as chain,
    ):
        for first in range(0, bench.n_records, BATCH * ROUND):
            n = min(BATCH * ROUND, bench.n_records - first)
            batches = _batched(list(itertools.islice(records, n)), BATCH)
            cpu_s = process_time()
            took_s = _timed(store, batches)
            bench.cpu_us_a_record.values.append(1e6 * (process_time() - cpu_s) / n)
            bench.append_s.append(took_s)
            bench.overt_rate.values.append(n / took_s)
            ready = [[record.to_bytes() for record in batch] for batch in batches]
            for series, log in ((bench.plain_rate, plain), (bench.chain_rate, chain)):
                began = perf_counter()
                for data in ready:
                    log.append(data)
                series.values.append(n / (perf_counter() - began))
            if first % (BATCH * ROUND * 10) == 0:
                console.print(f"{first + n:,} of {bench.n_records:,} records")
        _append_singly(bench, store, plain, records)
    _sizes(bench, place / "home")


def _append_singly(
    bench: LedgerBench, store: Store, plain: PlainLog, records: Iterator[LedgerRecord]
) -> None:
    for _ in range(N_SINGLE // 100):
        hundred = _batched(list(itertools.islice(records, 100)), 1)
        bench.single_rate.values.append(100 / _timed(store, hundred))
        began = perf_counter()
        for (record,) in hundred:
            plain.append([record.to_bytes()])
        bench.plain_single_rate.values.append(100 / (perf_counter() - began))


def _timed(store: Store, batches: Sequence[Sequence[LedgerRecord]]) -> float:
    began = perf_counter()
    for batch in batches:
        with store.ledger.transaction() as work:
            for record in batch:
                work.append(record)
    return perf_counter() - began


def _check(bench: LedgerBench, home: Path, console: Console) -> None:
    console.print("opening and verifying")
    for _ in range(5):
        began = perf_counter()
        with Store.open(home, SystemClock()) as store:
            bench.open_ms.values.append(1000 * (perf_counter() - began))
    with Store.open(home, SystemClock()) as store, _timing(bench, "verify_in_place"):
        store.ledger.verify()


def _prove(bench: LedgerBench, home: Path, console: Console) -> None:
    console.print("proving")
    drawn = random.Random(bench.n_records)  # noqa: S311 - which records are proved is no secret
    with Store.open(home, SystemClock()) as store:
        store.ledger.sign_now()
        for _ in range(N_PROOFS):
            chosen = drawn.randrange(bench.n_records)
            began = perf_counter()
            proved = store.ledger.prove(chosen)
            bench.inclusion_ms.values.append(1000 * (perf_counter() - began))
            alone = ProofFile(proved.index, proved.proof, proved.note)
            bench.inclusion_bytes.values.append(len(alone.to_bytes()))
            began = perf_counter()
            proof = store.ledger.consistency_proof(chosen)
            bench.consistency_ms.values.append(1000 * (perf_counter() - began))
            request = AddCheckpoint(chosen, proof, proved.note)
            bench.consistency_bytes.values.append(len(request.to_bytes()))


def _export(bench: LedgerBench, place: Path, console: Console) -> None:
    console.print("exporting and verifying offline")
    export = place / "export"
    with Store.open(place / "home", SystemClock()) as store:
        note, key = store.ledger.checkpoint(), store.ledger.verifier_key
        size = Checkpoint.parse(parse_note(note).text).size
        with _timing(bench, "export"):
            ExportedLog(export).write(note, store.ledger.records)
    with _timing(bench, "verify_offline"):
        outcome = outsider.check(export, key)
    bench.figures["n_verified_offline"] = outcome["n_records"]
    lengths = sum(file.stat().st_size for file in export.rglob("*") if file.is_file())
    bench.figures["export_bytes_a_record"] = lengths / size
    shutil.rmtree(export)


@contextmanager
def _timing(bench: LedgerBench, name: str) -> Iterator[None]:
    """Note how long something took by the clock and, for a machine that is busy, by the core."""
    began, cpu_s = perf_counter(), process_time()
    yield
    bench.figures[f"{name}_s"] = perf_counter() - began
    bench.figures[f"{name}_cpu_s"] = process_time() - cpu_s


def _sizes(bench: LedgerBench, home: Path) -> None:
    """Note how large records and database are; it is closed, so that its log is in the file."""
    size = sum(file.stat().st_size for file in home.glob("overt.sqlite3*"))
    with Store.open(home, SystemClock()) as store:
        lengths = [len(record) for record in store.ledger.records()]
    bench.figures["bytes_a_record"] = sum(lengths) / len(lengths)
    bench.figures["disk_bytes_a_record"] = size / len(lengths)


def _batched(items: Sequence[LedgerRecord], n: int) -> list[Sequence[LedgerRecord]]:
    return [items[first : first + n] for first in range(0, len(items), n)]


def _records() -> Iterator[LedgerRecord]:
    """Yield a long run's records: a minute, who was present, then alerts that people decide on."""
    clock, run, deployment = SystemClock(), "5f" * 16, DeploymentId("d-bench")
    digest = Sha256("a7" * 32)
    officers = (PersonId("operator-1"), PersonId("operator-2"))
    for minute in itertools.count():
        counts = FaceCounts(frames_read=1800, detections=4100 + minute % 50, faces_detected=91)
        alert = AlertId(f"{minute:032x}")
        acts: tuple[Act, ...] = (
            RunCounts(run, minute, counts_body(counts)),
            PresenceSeen(run, deployment, minute, dict.fromkeys(officers, 6)),
            AlertRaised(
                *(run, deployment, alert, CameraId("gate"), EntryId("e-0001")),
                *(digest, digest, digest),
            ),
            LookTaken("alert", alert, None, "pictures", officers[0]),
            AlertStep(alert, 1, "open", "being_decided", officers[0], None),
        )
        for act in acts:
            yield LedgerRecord.of(act, clock.now_utc())

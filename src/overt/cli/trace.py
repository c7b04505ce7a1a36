"""``overt trace ALERT``: one alert's whole chain, from its frame to its deletion receipt.

Nobody is named but people of the force; there is no note and no picture. Once the rows are deleted
the chain is told from the ledger alone.

Exit codes: 0; 3 there is no such alert, or several; 4 something kept was altered, or a proof fails;
7 it cannot be read, or the look not be recorded; 9 the person may not.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from overt.cli import wiring
from overt.cli.options import AsJson
from overt.core.clock import SystemClock, format_utc
from overt.core.ids import AlertId, CameraId, DeploymentId, PersonId
from overt.policy.roles import Right, Scope, check_right

if TYPE_CHECKING:
    from overt.retention.trace import Link, Numbered
    from overt.store.store import Store
    from overt.store.tracing import Trace

FORMAT: Final = "overt-trace/1"
SHORT_DIGEST: Final = 16
SHA256_DIGITS: Final = 64


def trace(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="Its id, or how it begins.")],
    acting: Annotated[
        Path | None, typer.Option("--as", help="Signing key of whoever looks; it is recorded.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one alert's whole chain, from its frame to its deletion receipt, and what is missing."""
    with wiring.open_store(SystemClock()) as store:
        raised = store.tracer.find(alert)
        reader = _reader(store, acting, raised)
        found = store.tracer.trace(raised, reader)
    if as_json:
        print(json.dumps(_document(found), indent=2, default=dict))
    else:
        _tell(found)


def _reader(store: "Store", acting: Path | None, raised: "Numbered") -> PersonId | None:
    """Return who looks, if they say so and may; that they look is on record by then."""
    from overt.cli.identity import act_as, require
    from overt.store.looks import look_at_alert

    if acting is None:
        return None
    identity, body = act_as(store, acting), raised.record.body
    if not check_right(identity.person, Right.READ_RECORD).allowed:
        where = Scope(DeploymentId(str(body["deployment"])), camera=CameraId(str(body["camera"])))
        require(identity, Right.READ_ALERT, where)
    by = identity.person.id
    store.looks.take(look_at_alert(AlertId(str(body["alert"])), "facts", by))
    return by


def _document(found: "Trace") -> dict[str, Any]:
    proved = found.proved
    return {
        "format": FORMAT,
        "alert": found.chain.alert,
        "deployment": found.chain.deployment,
        "run": found.chain.run,
        "frame": found.frame,
        "authority": found.authority,
        "record": {"number": found.chain.raised.seq, "leaf_sha256": found.leaf_sha256},
        "chain": [
            {
                "part": str(link.part),
                "what": link.what,
                "at_utc": format_utc(link.at_utc),
                "record": link.seq,
                "by": link.by,
                "facts": dict(link.facts),
            }
            for link in found.chain.links
        ],
        "due_utc": {str(kind): _time(due) for kind, due in found.due_utc.items()},
        "held_until_utc": {str(kind): _time(due) for kind, due in found.held_until_utc.items()},
        "proof": None
        if proved is None
        else {
            "size": proved.size,
            "root_sha256": proved.root_sha256,
            "hashes": list(proved.proof),
            "witnesses": list(proved.witnesses),
        },
        "gaps": list(found.gaps()),
    }


def _tell(found: "Trace") -> None:
    console = Console()
    console.print(f"Alert {found.chain.alert}", highlight=False, soft_wrap=True)
    under = Table(box=None, show_header=False)
    under.add_column()
    under.add_column(overflow="fold")
    for name, value in _under(found):
        under.add_row(name, Text(value))
    console.print(under)
    said = Column("", overflow="fold")
    table = Table("When", "Record", "What", "By", said, box=None)
    for link in found.chain.links:
        when, seq = format_utc(link.at_utc), "" if link.seq is None else f"{link.seq:,}"
        table.add_row(when, seq, link.what, Text(link.by or ""), Text(_facts(link)))
    console.print(table)
    for gap in found.gaps():
        console.print(f"gap  {gap}", highlight=False, soft_wrap=True, markup=False)


def _under(found: "Trace") -> Iterator[tuple[str, str]]:
    chain, frame, given = found.chain, found.frame, found.authority
    if frame is not None:
        yield "frame", f"{frame['captured_utc']}, number {frame['frame_sequence']}"
        yield "raised after", f"{frame['latency_ms']} ms"
    yield "camera", str(chain.raised.record.body["camera"])
    yield "entry", str(chain.raised.record.body["entry"])
    yield "deployment", chain.deployment
    if given is not None:
        yield "authority", f"{given['authoriser']}, {given['rank']}, {given['route']} route"
        yield "", f"{given['starts_utc']} until {given['ends_utc']}"
        yield "list", str(given["watchlist"])
    yield "record", f"{chain.raised.seq:,}, leaf {found.leaf_sha256}"
    if found.proved is not None:
        n_hashes = len(found.proved.proof)
        yield "checkpoint", f"over {found.proved.size:,} records, root {found.proved.root_sha256}"
        yield "", f"proved by {n_hashes} hash{'' if n_hashes == 1 else 'es'}, checked"
        yield "witnesses", ", ".join(found.proved.witnesses) or "none"


def _facts(link: "Link") -> str:
    return ", ".join(
        f"{name} {_short(value)}"
        for name, value in link.facts.items()
        if value is not None and name not in {"run", "deployment", "software"}
    )


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_short(each)}" for name, each in value.items() if each)
    if isinstance(value, list | tuple):
        return " ".join(map(_short, value))
    text = str(value)
    is_digest = len(text) == SHA256_DIGITS and set(text) <= set("0123456789abcdef")
    return f"{text[:SHORT_DIGEST]}…" if is_digest else text


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_utc(moment)

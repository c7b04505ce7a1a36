"""Who takes something out of the record, and which checkpoint it stands under.

Must not: let anybody do so whom the register does not know.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overt.core.errors import InputError, UsageError
from overt.core.ids import PersonId

if TYPE_CHECKING:
    from overt.policy.roles import Right
    from overt.store.store import Store

Size = Annotated[
    int | None,
    typer.Option(min=0, help="Of the checkpoint over so many entries, instead of the newest."),
]
Cosigned = Annotated[
    bool,
    typer.Option("--cosigned", help="Of the newest checkpoint that a witness cosigned."),
]


def acting_for(store: "Store", right: "Right", acting: Path | None) -> PersonId:
    """Return who does something with the record.

    Raises:
        UsageError: nobody was named.
        PolicyError: they may not.
    """
    from overt.cli.identity import act_as, require

    if acting is None:
        raise UsageError("Say who asks for it: --as, with their signing key.")
    identity = act_as(store, acting)
    require(identity, right)
    return identity.person.id


def exporter(store: "Store", acting: Path | None) -> PersonId:
    """Return who takes something out of the record; as :func:`acting_for`."""
    from overt.policy.roles import Right

    return acting_for(store, Right.EXPORT_RECORD, acting)


def chosen_size(store: "Store", size: int | None, *, cosigned: bool) -> int | None:
    """Return the size of the checkpoint that was asked for; None for the newest.

    Raises:
        UsageError: two were asked for.
        InputError: no checkpoint was cosigned.
    """
    if not cosigned:
        return size
    if size is not None:
        raise UsageError("Ask for the checkpoint by --size or by --cosigned.")
    largest = max((each.cosigned_size for each in store.ledger.witnesses()), default=0)
    if largest == 0:
        raise InputError("No known witness has cosigned a checkpoint yet.")
    return largest

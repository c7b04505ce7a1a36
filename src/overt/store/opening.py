"""Opens the database that a home's keys belong to, and sees that they fit each other.

    home/overt.sqlite3       the database, if it is a file
    home/store.id            which database the keys belong to, if it is on a server
    home/keys/machine.key    wraps the keys of deployments and watchlists, 0600; or another source
    home/keys/ledger.key     signs checkpoints, 0600

A ledger key signs one ledger for good: two under one key would be taken for a forged history. So a
home has either a file or a database on a server, and never turns from one to another by itself.

Invariants: keys are made before anything that depends on them, and never again after.
Must not: fall back to another database or to a new key when one is missing.
"""

import hashlib
import secrets
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from overt.core.errors import IntegrityError, UsageError
from overt.ledger.notes import NoteSigner
from overt.store.database import Database
from overt.store.faults import storage_faults
from overt.store.keys import create_key_file, create_whole, read_key_file
from overt.store.machine_key import MachineKeySource
from overt.store.models import StoreFactRow
from overt.store.postgresql import PostgresqlDatabase
from overt.store.rotation import MachineKey, first_machine_key, open_machine_key
from overt.store.sqlite import SqliteDatabase

DATABASE_NAME: Final = "overt.sqlite3"
MACHINE_KEY: Final = "machine.key"
LEDGER_KEY: Final = "ledger.key"
KEYS: Final = "keys"
STORE_ID_FILE: Final = "store.id"

STORE_ID: Final = "store_id"
LEDGER_KEY_ID: Final = "ledger_key"


def has_store(home: Path, database_url: str | None) -> bool:
    """Whether a home has a store, or is told of a server that may have it."""
    with storage_faults():
        return database_url is not None or (home / DATABASE_NAME).exists()


def open_database(
    home: Path, source: MachineKeySource, database_url: str | None
) -> tuple[Database, MachineKey, NoteSigner]:
    """Open the database, and the keys that are its.

    Args:
        home: the store's folder.
        source: where the machine key comes from.
        database_url: of a database on a server; the file in ``home`` if None.

    Raises:
        IntegrityError: a key is missing, is another store's or can be reached by others.
        UsageError: ``home`` belongs to another kind of database, or the URL is none.
        UnavailableError: the source of the machine key, or what the database needs, is not there.
        StorageError: as :meth:`overt.store.store.Store.open`.
    """
    keys = home / KEYS
    with ExitStack() as undone:
        database: Database
        if database_url is None:
            _refuse_home_of_server(home)
            exists = has_store(home, None)
            signer = _keys(source, keys, exists=exists)
            database = SqliteDatabase.open(home / DATABASE_NAME)
            undone.callback(database.close)
        else:
            _refuse_home_of_file(home)
            database = PostgresqlDatabase.open(database_url)
            undone.callback(database.close)
            store_id = _fact(database, STORE_ID)
            _check_home(home, store_id)
            signer = _keys(source, keys, exists=store_id is not None)
        machine = open_machine_key(database, source, keys)
        if database_url is not None:
            _bind(home, database)
        undone.pop_all()
    return database, machine, signer


def claim_ledger_key(database: Database, signer: NoteSigner) -> None:
    """Note whose signature the ledger is under, once it is known to be under that.

    Raises:
        IntegrityError: it is under another key's.
    """
    _claim(database, LEDGER_KEY_ID, str(signer.verifier), _ANOTHER_LEDGER_KEY)


_ANOTHER_LEDGER_KEY: Final = (
    f"This store's ledger is signed with another key than {KEYS}/{LEDGER_KEY} holds."
)
_ANOTHER_DATABASE: Final = (
    "The keys of this home belong to another database than OVERT_DATABASE names."
)


def _refuse_home_of_server(home: Path) -> None:
    with storage_faults():
        if (home / STORE_ID_FILE).exists():
            raise UsageError("This home's database is on a server: set OVERT_DATABASE to its URL.")


def _refuse_home_of_file(home: Path) -> None:
    if has_store(home, None):
        raise UsageError(
            f"This home has its database in {DATABASE_NAME}; take another OVERT_HOME for a "
            "database on a server."
        )


def _check_home(home: Path, store_id: str | None) -> None:
    """Raise if the home's keys were bound to another database, or to one that is not there."""
    with storage_faults():
        try:
            bound_to = (home / STORE_ID_FILE).read_bytes()
        except FileNotFoundError:
            return
    if store_id is None or bound_to != store_id.encode():
        raise IntegrityError(_ANOTHER_DATABASE)


def _bind(home: Path, database: Database) -> None:
    """Note in the home and in the database that they belong together."""
    store_id = _claim(database, STORE_ID, secrets.token_hex(16))
    create_whole(home / STORE_ID_FILE, store_id.encode())


def _keys(source: MachineKeySource, keys: Path, *, exists: bool) -> NoteSigner:
    """Make sure that there is a machine key, and return what signs the ledger."""
    first_machine_key(source, keys, exists=exists)
    path = keys / LEDGER_KEY
    seed = read_key_file(path)
    if seed is None and exists:
        raise IntegrityError(
            f"The key file {path.name} of this store is missing, and what it keeps needs that key."
        )
    return _signer(create_key_file(path) if seed is None else seed)


def _signer(seed: bytes) -> NoteSigner:
    private_key = Ed25519PrivateKey.from_private_bytes(seed)
    public_key = private_key.public_key().public_bytes_raw()
    name = hashlib.sha256(public_key).hexdigest()[:16]
    return NoteSigner(f"overt.local/{name}", private_key)


def _fact(database: Database, name: str) -> str | None:
    with database.read() as session:
        return _read_fact(session, name)


def _read_fact(session: Session, name: str) -> str | None:
    return session.scalar(select(StoreFactRow.value).where(StoreFactRow.name == name))


def _claim(database: Database, name: str, value: str, otherwise: str | None = None) -> str:
    """Return a fact of the store, which is ``value`` from now on if there was none.

    Raises:
        IntegrityError: it is another, and ``otherwise`` is the sentence for that.
    """
    found = _fact(database, name)
    if found is None:
        with database.write() as session:
            found = _read_fact(session, name)
            if found is None:
                session.add(StoreFactRow(name=name, value=value))
                found = value
    if otherwise is not None and found != value:
        raise IntegrityError(otherwise)
    return found

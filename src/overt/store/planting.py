"""Plants bytes in a store of a self-test, so that a search for them can prove that it works.

Must not: be used with a store that is anybody's.
"""

from sqlalchemy import text

from overt.store.store import Store


def plant(store: Store, data: bytes) -> None:
    """Write ``data``, in clear, into a table of its own; it is then in the write-ahead log."""
    with store.planting_ground.write() as session:
        session.execute(text("CREATE TABLE IF NOT EXISTS planted (data BLOB)"))
        session.execute(text("INSERT INTO planted VALUES (:data)"), {"data": data})


def settle(store: Store) -> None:
    """Move what was planted from the write-ahead log to the main file."""
    store.planting_ground.forget_history()


def uproot(store: Store) -> None:
    """Take out what was planted, of the log and of the main file."""
    with store.planting_ground.write() as session:
        session.execute(text("DROP TABLE IF EXISTS planted"))
    store.planting_ground.forget_history()

"""The types of columns, as migrations write them for every database.

Must not: change, since migrations of before depend on it.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

TEXT: Final = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
"""Text that sorts by its bytes, as times and ids have to, wherever the server stands."""

INTEGER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""64 bits, which is what SQLite calls an integer."""

FLOAT: Final[sa.Double[float]] = sa.Double().with_variant(sqlite.REAL(), "sqlite")

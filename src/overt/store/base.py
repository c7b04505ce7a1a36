"""What every table has in common: how times are kept, how constraints are named."""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, Dialect, Double, Integer, LargeBinary, MetaData, Text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from overt.core.clock import parse_utc
from overt.core.errors import IntegrityError


class UtcText(TypeDecorator[datetime]):
    """A time as RFC 3339 text in UTC with microseconds, which sorts as the time does."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Write a timezone-aware time."""
        del dialect
        if value is None:
            return None
        text = value.astimezone(UTC).isoformat(timespec="microseconds")
        return text.replace("+00:00", "Z")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Read it back.

        Raises:
            IntegrityError: it is not what was written.
        """
        del dialect
        try:
            return None if value is None else parse_utc(value)
        except ValueError as error:
            raise IntegrityError("A time that the store keeps was altered.") from error


class Base(DeclarativeBase):
    """Names constraints by rule, so that a later migration can name them too."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  declared by SQLAlchemy as an instance's
        bytes: LargeBinary,
        datetime: UtcText,
        float: Double().with_variant(sqlite.REAL(), "sqlite"),
        int: BigInteger().with_variant(Integer(), "sqlite"),
        str: Text().with_variant(postgresql.TEXT(collation="C"), "postgresql"),
    }
    __table_args__ = {"sqlite_strict": True}  # noqa: RUF012  declared by SQLAlchemy likewise

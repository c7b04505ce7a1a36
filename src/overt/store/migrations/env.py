"""Runs migrations on the connection and in the transaction that it is handed."""

from alembic import context

from overt.store.base import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()

"""The history of the tables, run by :mod:`overt.store.database` whenever a store is opened."""

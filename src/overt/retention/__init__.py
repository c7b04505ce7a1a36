"""Decides every deletion: what is due, what is held back, and what a receipt may say.

    what is kept, since when → the pack's period → holds → due → deleted → receipt

Pure: :mod:`overt.store` says what is kept, and deletes; the policy pack says how long.

Invariants: every kind of data has a time by which it is gone; a hold is named, reasoned and
expires; a receipt promises only what the database at hand can keep.
Must not: delete anything itself, or know a period of its own.
"""

"""Value types, identifiers, units, the clock and the error tree.

Invariants: everything here is immutable or a protocol; nothing here imports another part of
Overt; ``now`` is read only through :class:`overt.core.clock.Clock`.
Must not: do input or output, or know what a model, a database or a camera is.
"""

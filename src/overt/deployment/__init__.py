"""The capability: the signed object without which no frame is decoded.

Invariants: what is not named in a valid, current capability does not happen; a capability cannot
be stretched by setting a clock back; a changed model, threshold or list voids it.
Must not: decode, compare or store anything.
"""

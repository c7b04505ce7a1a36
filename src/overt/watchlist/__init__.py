"""Watchlists: who is looked for, from which pictures, and the manifest that authority signs.

Invariants: a picture without exactly one usable face is refused, row by row, with the reason; an
entry's id says nothing about the person; a frozen list is named by the digest of its manifest.
Must not: decide who belongs on a list, or compare a list with passers-by.
"""

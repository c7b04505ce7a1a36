"""Model manifests, their preparation, and the engines that run them.

The only place that opens a model. Read in this order: ``manifest`` (what a model promises),
``catalogue`` (which manifests there are), ``prepare`` (from the source file to a verified, normal
form), ``contract`` (the name of an embedder's vector space), ``engine`` (the port) and ``runtimes``
(which implementation runs it, on which device).

Invariants: a file is used only if its SHA-256 is the one its manifest pins; a prepared model takes
N × H × W × 3 uint8 pictures, blue first, and holds its own preprocessing; a device or precision
that was asked for and is not there is an error, never another device.
Must not: know what a face, a score or a watchlist is, keep what passed through an engine, or let a
runtime report to its maker (``silence``).
"""

from overt.inference.silence import silence_runtimes

silence_runtimes()

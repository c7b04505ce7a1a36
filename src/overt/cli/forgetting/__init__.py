"""The canary: whether a node really forgets who passed, tried on the node itself.

    draw a face → let it pass a real run → stop the process → copy its memory → let it go on
        → search memory, files, database for the face → plant it → search again

``trial.py`` reads as that story. The searched process holds no needle: it sends what it sees of
the canary through a socket, straight from its buffers, and knows nothing else of the search.

Invariants: what is not searched is said; a search that does not find what was planted fails.
Must not: pass anybody's face but a drawn one, or touch a store that is in use.
"""

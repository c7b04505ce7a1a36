"""The record that an outsider can check: canonical bytes, a Merkle tree, signed checkpoints.

Formats are public ones: canonical JSON after RFC 8785, tree hashing after RFC 6962, signed notes,
checkpoints and tiles after C2SP; ``docs/specs/ledger.md`` says what Overt makes of them.

Invariants: a record's bytes are its only form; a checkpoint covers every record before it; all
parsing of outside bytes refuses what is not exactly in form.
Must not: hold a name, a picture or a template; import anything but the standard library,
``cryptography`` and the error tree; read a clock or a database; touch a file, but for the folder of
an exported log, whose layout is a public format as well (``export.py``, ``outsider.py``).
"""

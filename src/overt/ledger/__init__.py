"""The record that an outsider can check: canonical bytes, a Merkle tree, signed checkpoints.

Formats are public ones: canonical JSON after RFC 8785, tree hashing after RFC 6962, signed notes
and checkpoints after C2SP.

Invariants: a record's bytes are its only form; a checkpoint covers every record before it; all
parsing of outside bytes refuses what is not exactly in form.
Must not: hold a name, a picture or a template; import anything but the standard library,
``cryptography`` and the error tree; read a clock, a file or a database.
"""

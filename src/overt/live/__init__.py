"""The node: cameras in, alerts out, strangers forgotten.

``run.py`` reads as the story of a deployment, ``pipeline.py`` as that of a frame. Invariants: no
frame is decoded outside the authority; a face that did not alert leaves nothing behind but a
count; the counts reconcile at the end of every run, however it ended.
Must not: open a model, write SQL, know a name, or keep a template beyond its passage.
"""

"""Detect, align, judge quality, embed, track, choose the best shots, pixelate.

Arrays in, arrays out. Invariants: a crop is always taken from the full-resolution picture; a
rejected shot says why; buffers that held a face or a template can be overwritten.
Must not: open a model file (``inference`` does), open a video, know a watchlist, compare with one,
or estimate age, sex, ethnicity or emotion.
"""

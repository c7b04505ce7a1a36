"""The street simulator: a seeded clip of people passing a camera, with its ground truth.

Purpose: give ``overt demo``, the tests and the benchmark a video in which it is known who passed,
when and where. It takes portraits, gives each a body, lets them walk, and writes the clip and a
``truth.json`` beside it.

Invariants: the same configuration, seed and portraits give the same frames; every face drawn from
a portrait is in the truth; nothing is downloaded.
Must not: open a model (the caller hands in a face finder), know what an alert is in the store, or
be taken for a forecast of accuracy on a real street.
"""

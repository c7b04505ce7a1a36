"""How often it is right and wrong: open-set identification on labelled pictures, with intervals.

    pictures with labels → templates → a list drawn by seed → searches → rates → record

Invariants: whoever could not be acquired or enrolled stays in the denominators; the same data, seed
and models give the same figures; every rate has its counts and an interval; where data do not
suffice, that is said and no figure is made up; intervals treat people, not pictures, as the unit.
Must not: see a camera, a watchlist or a deployment, or decide which threshold is used.
"""

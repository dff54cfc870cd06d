"""Whether work grows in proportion to what comes: shapes of responses at three sizes, counted and not timed.

`counting.py` has our packages count what they do, and `shapes.py` lists the shapes. `python -m growth` runs them, in a
process of its own, since the packages have to be imported anew.
"""

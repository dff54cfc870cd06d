"""A fuzzer: damaged responses, answers and messages, and what must hold of whatever comes out.

`make fuzz` runs it for an hour, `test_short_run.py` for some seconds. `run.py` is the loop, `targets.py` says what is
fed with what. A case is known by two numbers: `python -m fuzz --seed N --case K` repeats it.
"""

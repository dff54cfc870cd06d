"""Small programs, one task each; `python -m examples.demo` runs them all."""

"""Answers that have been paid, kept so that a run which is made again does not pay for them again."""

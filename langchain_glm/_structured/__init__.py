"""Answers in a schema."""

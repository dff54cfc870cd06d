"""Repairs of what GLM and its providers send wrongly."""

from .repairs import REPAIRS, Repairs

__all__ = ["REPAIRS", "Repairs"]

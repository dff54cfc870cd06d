"""Repairs of what GLM and its providers send wrongly."""

from .chain import REPAIRS, Repairs

__all__ = ["REPAIRS", "Repairs"]

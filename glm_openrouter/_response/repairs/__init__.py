"""Repairs of what GLM and its providers send wrongly."""

from .chain import REPAIRS, TOOL_ARGUMENTS, Repairs

__all__ = ["REPAIRS", "TOOL_ARGUMENTS", "Repairs"]

"""How many requests a provider takes, and how fast."""

from .pace import Clock, Pace, Turn, is_refusal, open_pace

__all__ = ["Clock", "Pace", "Turn", "is_refusal", "open_pace"]

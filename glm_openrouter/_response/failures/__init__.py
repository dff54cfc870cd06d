"""Error envelopes and error pages -> typed errors."""

from .envelope import error_from_body, error_from_envelope

__all__ = ["error_from_body", "error_from_envelope"]

"""Sending it: one call over all its attempts."""

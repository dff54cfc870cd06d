"""Responses that grow."""

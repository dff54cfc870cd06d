"""Servers on a port of this machine: the offline OpenRouter, and the one that follows a script."""

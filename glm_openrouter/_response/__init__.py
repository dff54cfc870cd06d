"""Reading it: bytes, payloads, chunks, deltas, a completion."""

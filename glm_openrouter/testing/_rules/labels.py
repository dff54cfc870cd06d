"""What stands behind a label in a prompt, such as `Question:`."""

__all__ = ["last_block"]


def last_block(text: str, label: str, *ends: str) -> str:
    """Return what follows the last time that a label stands in a text, without white space around it.

    Args:
        text: A prompt.
        label: Such as `Question:`.
        ends: What the block ends before, whichever comes first; else it goes on to the end.
    """
    _, found, block = text.rpartition(label)
    if not found:
        return ""
    at = min((at for end in ends if (at := block.find(end)) >= 0), default=len(block))
    return block[:at].strip()

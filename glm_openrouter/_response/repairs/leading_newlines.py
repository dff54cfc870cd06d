"""Newlines before the answer."""

from glm_openrouter.completions import Delta

__all__ = ["LeadingNewlines"]


class LeadingNewlines:
    r"""Drop the newlines before the answer.

    GLM sends `"\n"` as its first content, often before the reasoning, and again after it. The answer should start
    with its first character. Seen with glm-4.6 from Z.AI, GMICloud, Novita, BaseTen, Mancer and AtlasCloud.
    """

    def __init__(self) -> None:
        self._started = False
        self.has_fired = False

    def feed(self, delta: Delta) -> Delta:
        """Strip newlines until the first text that is more than that."""
        if delta.text_was_reasoning:
            self._started = False
        if not self._started and delta.text:
            text = delta.text.lstrip("\r\n")
            self.has_fired = self.has_fired or text != delta.text
            delta.text = text
            self._started = bool(text)
        return delta

    def flush(self, *, ended: bool) -> Delta:  # noqa: ARG002 -- nothing is held back
        """Return nothing."""
        return Delta()

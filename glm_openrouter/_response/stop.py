"""Stop texts, for providers that do not keep to them (https://github.com/zai-org/GLM-4/issues/511)."""

from collections.abc import Sequence

from glm_openrouter.completions import Delta

from .markers import undecided

__all__ = ["StopSequences", "stop_sequences"]


def stop_sequences(stop: str | Sequence[str] | None) -> list[str]:
    """Return the stop texts of a request."""
    return [text for text in ((stop,) if isinstance(stop, str) else stop or ()) if text]


class StopSequences:
    """End the answer of one response before the first of the stop texts.

    Text is held back for no longer than it may be the beginning of one.
    """

    def __init__(self, *texts: str) -> None:
        self.is_over = False
        """Whether the answer is over, so that nothing more is wanted."""
        self._texts = stop_sequences(texts)
        self._held = ""

    @classmethod
    def of(cls, stop: str | Sequence[str] | None) -> "StopSequences | None":
        """Return the texts of a request, or `None` if it has none."""
        texts = stop_sequences(stop)
        return cls(*texts) if texts else None

    def feed(self, delta: Delta) -> Delta:
        """Return the part of an increment that belongs to the answer; tool calls after a stop text do not."""
        if delta.text_was_reasoning:
            delta.reasoning, self._held = self._held + delta.reasoning, ""
        if self.is_over or not delta.text:
            return Delta() if self.is_over else delta
        text = self._held + delta.text
        matches = [(at + len(stop), at) for stop in self._texts if (at := text.find(stop)) >= 0]
        if matches:
            self.is_over, self._held = True, ""
            _, start = min(matches)  # the one that is complete first, as a provider would have it
            return Delta(text[:start], delta.reasoning, text_was_reasoning=delta.text_was_reasoning)
        settled = len(text) - undecided(text, self._texts)
        delta.text, self._held = text[:settled], text[settled:]
        return delta

    def flush(self) -> str:
        """Return the text that was held back, once the response has ended."""
        held, self._held = self._held, ""
        return held

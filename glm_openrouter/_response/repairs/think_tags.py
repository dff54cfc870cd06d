"""Leaked thinking."""

from glm_openrouter._response.markers import MarkerScanner
from glm_openrouter.completions import Delta

__all__ = ["ThinkTags"]


class ThinkTags:
    """Move leaked thinking out of the answer.

    Some hosts leave GLM's `<think>...</think>` in the content, or only its end, because the chat template has put the
    beginning into the prompt (https://github.com/vllm-project/vllm/issues/27703). It should have come as `reasoning`.
    Tags count before the first word of the answer. After it they are text, but for a `</think>` without a beginning: it
    counts once, outside of code, and only if the model was to think and no reasoning has come by itself. What stood
    before it is refiled as reasoning: text that a stream has already given out cannot be taken back there, but the
    finished response has it in the right place.
    """

    def __init__(self, *, thinks: bool = True) -> None:
        self.has_fired = False
        self._scanner = MarkerScanner("<think>", "</think>")
        self._thinking = False
        self._began = False
        """Whether more than line breaks has come as the answer."""
        self._answered = False
        """Whether the answer has begun."""
        self._quoted = False
        """Whether the answer holds a `<think>` without its end."""
        self._reasoned = not thinks
        """Whether reasoning has come, by itself or between tags, or is not to come at all."""

    def feed(self, delta: Delta) -> Delta:
        """Split the text of one increment into answer and reasoning."""
        self._reasoned = self._reasoned or bool(delta.reasoning)
        if not delta.text:
            return delta
        if not self._thinking and self._scanner.passes(delta.text):
            self._answered = self._answered or not delta.text.isspace()
            self._began = self._began or bool(delta.text.strip("\r\n"))
            return delta
        self._scanner.feed(delta.text)
        answer: list[str] = []
        reasoning = [delta.reasoning]
        for before, marker in self._scanner:
            self._file(before, answer, reasoning)
            if marker and self._is_late_end(marker):
                self._reasoned = delta.text_was_reasoning = self.has_fired = True
                thought = "".join(answer)
                # As with the answer that it was taken for, line breaks at its beginning are no part of it.
                reasoning.append(thought if self._began else thought.lstrip("\r\n"))
                answer = []
            elif marker:
                self._take_marker(marker, answer, reasoning)
        delta.text, delta.reasoning = "".join(answer), "".join(reasoning)
        self._began = self._began or bool(delta.text.strip("\r\n"))
        return delta

    def flush(self, *, ended: bool) -> Delta:  # noqa: ARG002 -- thinking is no less so if it was cut
        """Return the text that was held back."""
        held = self._scanner.flush()
        return Delta("", held) if self._thinking else Delta(held)

    def _file(self, text: str, answer: list[str], reasoning: list[str]) -> None:
        if self._thinking:
            reasoning.append(text)
        else:
            answer.append(text)
            self._answered = self._answered or bool(text.strip())

    def _is_late_end(self, marker: str) -> bool:
        """Return whether all that came before was thinking."""
        closes = marker == "</think>" and not self._thinking and self._answered
        return closes and not self._reasoned and not self._quoted

    def _take_marker(self, marker: str, answer: list[str], reasoning: list[str]) -> None:
        closes = marker == "</think>"
        if not self._answered:
            self._thinking, self._reasoned = not closes, True
            self.has_fired = True
        elif closes and self._thinking:
            self._thinking = False
        else:
            self._quoted = not closes
            self._file(marker, answer, reasoning)

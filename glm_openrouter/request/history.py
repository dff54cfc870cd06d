"""Which parts of a conversation go to a model: the content that it takes, and the reasoning that it reads."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict

from glm_openrouter._json.values import JSONObject
from glm_openrouter.errors import InvalidRequestError, UnsupportedContentWarning
from glm_openrouter.models import ModelFacts, strip_variant

from .attachments import Attachment, read_attachment

__all__ = [
    "HISTORY_OPTIONS",
    "HistoryOptions",
    "MessageRules",
    "ReasoningHistory",
    "UnsupportedContent",
]

UnsupportedContent = Literal["replace", "raise"]
ReasoningHistory = Literal["all", "turn", "none"]

_PLURALS = {"image": "images", "audio": "audio", "video": "video", "file": "files"}
_OF_OTHERS = ("assistant", "tool")
"""Roles whose messages nobody has typed in: what is in them is no mistake of the user, who cannot take it back."""


class HistoryOptions(BaseModel):
    """What becomes of earlier turns; a call may say otherwise."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), defer_build=True)

    unsupported_content: UnsupportedContent = "replace"
    """What to do about an image, audio or video that the model does not take, where it is in the result of a tool or in
    an earlier answer: `replace` it by a few words that name it, with one warning, or `raise` an `InvalidRequestError`.
    What a user's own message holds always raises."""

    reasoning_history: ReasoningHistory | None = None
    """Whose reasoning goes back to the model: that of `all` turns, of the open `turn` (all that follows the last
    question, with its tool calls), or `none`. Default: `turn` for models that clear the rest themselves, which GLM
    does up to 4.6, else `all`."""


HISTORY_OPTIONS: Final = tuple(HistoryOptions.model_fields)

_CHOICES: Final[Mapping[str, tuple[Any, ...]]] = {
    "unsupported_content": get_args(UnsupportedContent),
    "reasoning_history": (None, *get_args(ReasoningHistory)),
}


class MessageRules:
    """What goes to one model, and what becomes of the rest.

    They are made for each call, and most conversations are text that no rule is about: only what is about something
    looks up what is known of the model.
    """

    def __init__(
        self,
        model: str,
        find_facts: Callable[[str], ModelFacts | None],
        warn: Callable[[str, Warning], None],
        *,
        unsupported_content: UnsupportedContent = "replace",
        reasoning_history: ReasoningHistory | None = None,
    ) -> None:
        """Make the rules for a model.

        Args:
            model: Its id.
            find_facts: Returns what is known of it. If that is nothing, everything is sent.
            warn: Warns of something that is left out, if it has not done so: its kind and the model, and the warning.
            unsupported_content: What to do about content that it cannot take, in tool results and earlier answers.
            reasoning_history: Whose reasoning goes back. Default: that of all turns, or of the open one if the model
                clears the others.

        Raises:
            InvalidRequestError: One of the two choices is none.
        """
        _check_choice("unsupported_content", unsupported_content)
        _check_choice("reasoning_history", reasoning_history)
        self.model = model
        self.unsupported_content = unsupported_content
        self.reasoning_history = reasoning_history
        self._find_facts = find_facts
        self._warn = warn

    @cached_property
    def facts(self) -> ModelFacts | None:
        """What is known of the model; nothing of what is no id at all."""
        return self._find_facts(self.model) if isinstance(self.model, str) else None

    def takes(self, kind: str) -> bool:
        """Return whether the model takes a kind of `Attachment`, as far as is known; files have a parser."""
        if self.facts is None:
            return True
        taken = {
            "image": self.facts.image_input,
            "audio": self.facts.audio_input,
            "video": self.facts.video_input,
        }
        return taken.get(kind, True)

    def check(self, part: JSONObject, role: str) -> JSONObject:
        """Return a part of a message if the model takes it, or else what is sent in its place; see `leave_out`."""
        attachment = read_attachment(part)
        if attachment is None or self.takes(attachment.kind):
            return part
        return self.leave_out(attachment, role)

    def leave_out(
        self, attachment: Attachment, role: str, problem: str | None = None
    ) -> JSONObject:
        """Return a text that names what is left out of a message.

        Args:
            attachment: What it is.
            role: Of the message.
            problem: Why it is left out. Default: the model does not take it.

        Raises:
            InvalidRequestError: The message is the user's own, or nothing is to be left out.
        """
        limits = self._describe_limits()
        if role not in _OF_OTHERS or self.unsupported_content == "raise":
            raise InvalidRequestError(
                problem or f"{limits}, no {_PLURALS[attachment.kind]}. {_ADVICE}"
            )
        self._warn_of(_PLURALS.get(attachment.kind, "parts"), problem or f"{limits}.")
        reason = "it cannot be sent" if problem else limits
        return {"type": "text", "text": f"[{attachment}, left out: {reason}]"}

    def _warn_of(self, what: str, problem: str) -> None:
        warning = UnsupportedContentWarning(
            f"Left out of the result of a tool, or of an earlier answer: {what}. {problem} A few words stand in their "
            "place; set unsupported_content='raise' to get an error instead."
        )
        self._warn(f"{what}, {strip_variant(self.model)}", warning)

    def _describe_limits(self) -> str:
        others = [_PLURALS[kind] for kind in ("image", "audio", "video") if self.takes(kind)]
        *most, last = ["text", *others]
        taken = f"{', '.join(most)} and {last}" if most else last
        return f"{strip_variant(self.model)} takes {taken} only"

    def select_reasoning(self, messages: list[JSONObject]) -> list[JSONObject]:
        """Return messages with the reasoning that goes back: by default that of the open turn, if not of all.

        The open turn is everything after the last question: answers, calls and their results, which belong together
        and go back as they came. In closed turns, what is encrypted stays, because nobody but its reader knows what
        it is good for; OpenRouter keeps the state of its tool search there.
        """
        if all(map(_REASONING.isdisjoint, messages)):
            return messages
        clears = self.facts is not None and not self.facts.preserves_reasoning
        history = self.reasoning_history or ("turn" if clears else "all")
        if history == "all":
            return messages
        if history == "none":
            return [_without_reasoning(message) for message in messages]
        questions = (at for at, message in enumerate(messages) if message["role"] == "user")
        begin = max(questions, default=-1) + 1
        closed = [m if _is_encrypted(m) else _without_reasoning(m) for m in messages[:begin]]
        return [*closed, *messages[begin:]]


_ADVICE = "Leave them out, or choose a model that takes them."

_REASONING: Final = frozenset(("reasoning", "reasoning_details"))
"""Keys of a message."""


def _check_choice(name: str, value: object) -> None:
    if value not in _CHOICES[name]:
        known = ", ".join(repr(choice) for choice in _CHOICES[name] if choice)
        raise InvalidRequestError(f"{name} must be one of {known}.")


def _without_reasoning(message: JSONObject) -> JSONObject:
    return {key: message[key] for key in message if key not in _REASONING}


def _is_encrypted(message: JSONObject) -> bool:
    details = message.get("reasoning_details") or ()
    return any(detail.get("type") == "reasoning.encrypted" for detail in details)

"""Which parts of a conversation go to a model: the content that it takes, and the reasoning that it reads."""

import warnings
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

from glm_openrouter._json.values import JSONObject
from glm_openrouter.errors import InvalidRequestError, UnsupportedContentWarning
from glm_openrouter.models import ModelFacts, strip_variant

from .attachments import Attachment, read_attachment

__all__ = ["HistoryOptions", "MessageRules", "ReasoningHistory", "UnsupportedContent"]

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


class MessageRules:
    """What goes to one model, and what becomes of the rest."""

    def __init__(
        self,
        model: str,
        facts: ModelFacts | None,
        *,
        unsupported_content: UnsupportedContent = "replace",
        reasoning_history: ReasoningHistory | None = None,
        warned: set[str] | None = None,
    ) -> None:
        """Make the rules for a model.

        Args:
            model: Its id.
            facts: What is known of it. If that is nothing, everything is sent.
            unsupported_content: What to do about content that it cannot take, in tool results and earlier answers.
            reasoning_history: Whose reasoning goes back. Default: that of all turns, or of the open one if the model
                clears the others.
            warned: What has been warned of already; what is warned of next is added.

        Raises:
            InvalidRequestError: One of the two choices is none.
        """
        _check_choice("unsupported_content", unsupported_content, UnsupportedContent)
        _check_choice("reasoning_history", reasoning_history or "all", ReasoningHistory)
        self.model = model
        self.facts = facts
        self.unsupported_content = unsupported_content
        clears = facts is not None and not facts.preserves_reasoning
        self.reasoning_history = reasoning_history or ("turn" if clears else "all")
        self._warned = set() if warned is None else warned

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
        self._warn(_PLURALS.get(attachment.kind, "parts"), problem or f"{limits}.")
        reason = "it cannot be sent" if problem else limits
        return {"type": "text", "text": f"[{attachment}, left out: {reason}]"}

    def _warn(self, what: str, problem: str) -> None:
        topic = f"{what}, {strip_variant(self.model)}"
        if topic not in self._warned:
            self._warned.add(topic)
            warnings.warn(
                f"Left out of the result of a tool, or of an earlier answer: {what}. {problem} A few words stand in "
                "their place; set unsupported_content='raise' to get an error instead.",
                UnsupportedContentWarning,
                stacklevel=2,
            )

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
        if self.reasoning_history == "all":
            return messages
        if self.reasoning_history == "none":
            return [_without_reasoning(message) for message in messages]
        questions = (at for at, message in enumerate(messages) if message["role"] == "user")
        begin = max(questions, default=-1) + 1
        closed = [m if _is_encrypted(m) else _without_reasoning(m) for m in messages[:begin]]
        return [*closed, *messages[begin:]]


_ADVICE = "Leave them out, or choose a model that takes them."


def _check_choice(name: str, value: object, choices: Any) -> None:
    if value not in get_args(choices):
        known = ", ".join(map(repr, get_args(choices)))
        raise InvalidRequestError(f"{name} must be one of {known}.")


def _without_reasoning(message: JSONObject) -> JSONObject:
    return {key: message[key] for key in message if key not in ("reasoning", "reasoning_details")}


def _is_encrypted(message: JSONObject) -> bool:
    details = message.get("reasoning_details") or ()
    return any(detail.get("type") == "reasoning.encrypted" for detail in details)

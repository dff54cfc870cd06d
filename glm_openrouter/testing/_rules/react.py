"""The text protocol of agents without tool calls: Thought, Action, Observation, Answer."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from glm_openrouter.testing._answers.prompt import Call, JSONObject, Message, Prompt, Tool

from .calling import choose_calls
from .roles import Role, role_of

__all__ = ["ReactTurn", "format_action", "format_answer", "read_react"]

_LISTED_WITH_SCHEMA: Final = re.compile(
    r"Tool Name:\s*(?P<name>\S+)\s*\nTool Description:\s*(?P<about>.*?)"
    r"\nTool Args:\s*(?P<args>\{.*?\})\s*(?=\n|$)",
    re.DOTALL,
)
_LISTED: Final = re.compile(
    r"^(?P<name>[A-Za-z]\w*)(?:\((?P<args>[^)\n]*)\))?(?:\s*->\s*\w+)?\s*(?::|-)\s+(?P<about>.+)$",
    re.MULTILINE,
)
_TOOL_NAMES: Final = re.compile(r"one of[:\s]*[\[(]?([\w, ]+)[\])]?")
_STEP: Final = re.compile(
    r"Action:\s*(?P<name>[^\n(]+?)\s*\n+Action Input:\s*(?P<input>.*?)(?=\n+\s*Observation:|\Z)",
    re.DOTALL,
)
_OBSERVATION: Final = re.compile(r"Observation:\s*(.*?)(?=\n+\s*Thought:|\Z)", re.DOTALL)
_QUESTION: Final = re.compile(r"^Question:[ \t]*(?!the input)(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class ReactTurn:
    """A prompt of the text protocol, read as if it were one of tool calls."""

    prompt: Prompt
    answer_label: str
    takes_json: bool


def read_react(prompt: Prompt) -> ReactTurn | None:
    """Return the turn if the prompt teaches the text protocol, else None."""
    whole = "\n".join(message.text for message in prompt.messages)
    if not all(word in whole for word in ("Thought:", "Action:", "Action Input:")):
        return None
    if prompt.tools or prompt.wants_json:  # it only quotes a conversation in that protocol
        return None
    asked = [m.text for m in prompt.messages if m.role == "user" and not _OBSERVATION.match(m.text)]
    in_text = _QUESTION.findall(asked[-1]) if asked else []
    request = in_text[-1] if in_text else (asked[-1] if asked else "")
    at = max((i for i, m in enumerate(prompt.messages) if asked and m.text == asked[-1]), default=0)
    tail = asked[-1].rpartition(request)[2] if in_text else ""
    later = "\n".join([tail, *(message.text for message in prompt.messages[at + 1 :])])
    question = replace(prompt.messages[0], role="user", text=request)
    inner = Prompt((question, *_read_steps(later)), tools=tuple(_read_tools(whole)))
    label = "Final Answer" if "Final Answer:" in whole else "Answer"
    return ReactTurn(inner, label, takes_json="JSON" in whole)


def _read_tools(text: str) -> list[Tool]:
    detailed = [
        Tool(match["name"], match["about"].strip(), _read_schema(match["args"]))
        for match in _LISTED_WITH_SCHEMA.finditer(text)
    ]
    if detailed:
        return detailed
    offered = _TOOL_NAMES.search(text)
    known = {name.strip() for name in offered[1].split(",")} if offered else set()
    listed = (match for match in _LISTED.finditer(text) if match["name"] in known)
    return [
        Tool(m["name"], m["about"], _schema_of_signature(m["args"] or "", m["about"]))
        for m in listed
    ]


def _read_schema(text: str) -> JSONObject:
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return schema if isinstance(schema, dict) else {}


def _schema_of_signature(signature: str, about: str) -> JSONObject:
    kinds = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}
    inner: JSONObject = {}
    for parameter in filter(None, (part.strip() for part in signature.split(","))):
        name, _, kind = parameter.partition(":")
        inner[name.strip()] = {"type": kinds.get(kind.partition("=")[0].strip(), "string")}
    if not inner:
        # A tool without a signature takes one text; only its description can say what kind of text.
        name = "input" if role_of("", about, None) is Role.OTHER else "value"
        inner = {name: {"type": "string", "description": about}}
    return {"type": "object", "properties": inner, "required": list(inner)}


def _read_steps(text: str) -> Iterator[Message]:
    """Yield the calls that were made and what came of them, as a prompt with tool calls has them."""
    observations = [match[1].strip() for match in _OBSERVATION.finditer(text)]
    for at, (step, seen) in enumerate(zip(_STEP.finditer(text), observations, strict=False)):
        call = Call(step["name"].strip(), _read_schema(step["input"]), f"call_{at}")
        yield Message("assistant", tool_calls=(call,))
        yield Message("tool", seen, tool_call_id=call.id)


def next_action(turn: ReactTurn) -> Call | None:
    """Return the call to make next, if any."""
    return next(iter(choose_calls(turn.prompt)), None)


def format_action(turn: ReactTurn, call: Call) -> str:
    """Return a call as the protocol writes it."""
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    if not turn.takes_json and len(call.arguments) == 1:
        arguments = str(next(iter(call.arguments.values())))
    thought = f"Thought: I need {call.name} to answer this."
    return f"{thought}\nAction: {call.name}\nAction Input: {arguments}"


def format_answer(turn: ReactTurn, text: str) -> str:
    """Return an answer as the protocol writes it."""
    return f"Thought: I can answer without using any more tools.\n{turn.answer_label}: {text}"

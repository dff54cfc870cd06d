"""Answer a prompt: call tools, hand in JSON, report results, quote context, or chat."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from glm_openrouter.testing._answers.answer import Answer
from glm_openrouter.testing._answers.prompt import Call, Message, Prompt, ToolResult

from .calling import choose_calls, unanswered
from .chatter import chatter
from .facts import list_facts
from .few_shot import follow_example
from .judging import judge
from .keywords import list_keywords
from .passages import answer_from, best_sentences, find_passage, readable
from .ranking import rank_documents
from .react import format_action, format_answer, next_action, read_react
from .sql import answer_from_rows, write_sql
from .structured import json_answer
from .triplets import find_triplets
from .words import plain_words

__all__ = ["answer_as_glm", "respond"]

_LONG_RESULT: Final = 400
"""Longer tool results are quoted from, shorter ones repeated whole."""


_FORMS: Final[Sequence[Callable[[Prompt], str | None]]] = (
    follow_example,
    rank_documents,
    judge,
    find_triplets,
    list_facts,
    write_sql,
    answer_from_rows,
    json_answer,
    list_keywords,
)
"""What answers a prompt that asks for a form of its own, tried one after the other."""

_LONGEST_TEXT: Final = 100_000
"""Characters of one message that are looked at: half of them at its beginning, half at its end."""


def answer_as_glm(prompt: Prompt) -> Answer:
    """Return the answer to a prompt of any length, with the line feed that GLM begins with."""
    messages = tuple(map(_clip, prompt.messages))
    answer = respond(replace(prompt, messages=messages))
    return replace(answer, text=f"\n{answer.text}") if answer.text else answer


def _clip(message: Message) -> Message:
    if len(message.text) <= _LONGEST_TEXT:
        return message
    half = _LONGEST_TEXT // 2
    return replace(message, text=f"{message.text[:half]}\n{message.text[-half:]}")


def respond(prompt: Prompt) -> Answer:
    """Return the model's answer to a prompt."""
    turn = read_react(prompt)
    if turn is not None:
        action = next_action(turn)
        text = (
            format_action(turn, action) if action else format_answer(turn, _in_words(turn.prompt))
        )
        return Answer(text, reasoning=_think(turn.prompt, [action] if action else []))
    calls = choose_calls(prompt)
    reasoning = _think(prompt, calls)
    if calls:
        return Answer(_announce(prompt, calls), reasoning, tuple(calls))
    written = next(filter(None, (form(prompt) for form in _FORMS)), None)
    return Answer(written or _in_words(prompt), reasoning=reasoning)


def _in_words(prompt: Prompt) -> str:
    results = unanswered(prompt.tool_results)
    if results:
        return _report(prompt.user_text, results)
    passage = find_passage(prompt)
    return answer_from(passage) if passage else chatter(prompt)


def _announce(prompt: Prompt, calls: Sequence[Call]) -> str:
    if prompt.tool_choice == "required":
        return ""
    used = " and ".join(dict.fromkeys(_spoken(call.name) for call in calls))
    return f"I'll use {used} for you.\n"


def _report(request: str, results: Sequence[ToolResult]) -> str:
    return " ".join(_sentence(request, result) for result in results)


def _sentence(request: str, result: ToolResult) -> str:
    content = _readable(result.content)
    if len(content) > _LONG_RESULT:
        return " ".join(best_sentences(request, content) or readable(content)[:2])
    given = ", ".join(str(value) for value in result.call.arguments.values())
    about = f" for {given}" if given else ""
    return (
        f"The result of {_spoken(result.call.name)}{about} is: {content.rstrip('.') or 'nothing'}."
    )


def _readable(content: str) -> str:
    try:
        value: Any = json.loads(content)
    except (ValueError, RecursionError):
        return content.strip()
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_shown(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "; ".join(_shown(item) for item in value)
    return content.strip().strip('"')


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _spoken(name: str) -> str:
    return " ".join(plain_words(name)).lower() or name


def _think(prompt: Prompt, calls: Sequence[Call]) -> str:
    request = " ".join(prompt.user_text.split()[:20])
    thoughts = [f'The user says: "{request}".']
    if prompt.tool_results:
        thoughts.append(f"I have {len(prompt.tool_results)} tool result(s) to work with.")
    if calls:
        thoughts += [f"I should call {call.name} with {_shown(call.arguments)}." for call in calls]
    elif prompt.wants_json:
        thoughts.append("They want JSON, so I will fill in the fields from what I was told.")
    else:
        thoughts.append("I have what I need, so I will answer briefly and to the point.")
    return " ".join(thoughts)

"""Decide which tools to call: what the request asks for, less what has been called since.

A request is cut at `then`, since what follows needs what precedes. Within one such step all calls
are made at once. What a step needs is planned from the request alone, and calls already made are
crossed out, so a loop of any length ends.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from glm_openrouter.testing._answers.prompt import Call, JSONObject, Prompt, Tool, ToolResult

from . import extract
from .choices import state_choice
from .fill import fill
from .matching import best_choice, find_choices, is_form, match_tools, mention_at
from .roles import Role, role_of
from .schema import branches, properties, resolve
from .values import Source
from .words import stem, stems_in_order

__all__ = ["choose_calls", "is_transfer"]

_NEXT_STEP: Final = re.compile(
    r"[,.;]?\s{1,4}(?:and\s{1,4})?(?:then|afterwards|after that|finally)\b[,]?\s*", re.IGNORECASE
)
_TRANSFER: Final = re.compile(r"hand_?off|transfer", re.IGNORECASE)
_OPERATION: Final = re.compile(r"(-?\d+(?:\.\d+)?)\s*([*\u00d7x+/÷-]|times)\s*(-?\d+(?:\.\d+)?)")


def is_transfer(name: str) -> bool:
    """Return whether a tool of this name hands the conversation to another agent."""
    return bool(_TRANSFER.search(name))


def choose_calls(prompt: Prompt) -> list[Call]:
    """Return the calls to make now; none if it is time to answer in words."""
    if prompt.tool_choice == "none" or not prompt.tools:
        return []
    evidence = "\n".join(result.content for result in unanswered(prompt.tool_results))
    if prompt.required_tool is not None:
        tools = [tool for tool in prompt.tools if tool.name == prompt.required_tool]
        return [_build_call(tool, prompt.user_text, prompt.user_text, evidence) for tool in tools]
    calls = _pending(prompt, evidence)
    if not calls:
        calls = _final_form(prompt, evidence, forced=prompt.tool_choice == "required")
    return calls if prompt.parallel_tool_calls else calls[:1]


def _pending(prompt: Prompt, evidence: str) -> list[Call]:
    tools = [tool for tool in prompt.tools if not is_form(tool)]
    made = [result.call for result in prompt.tool_results]
    called_earlier: set[str] = set()
    for step in filter(None, _NEXT_STEP.split(prompt.user_text)):
        matched = match_tools(step, tools, system=prompt.system_text)
        planned = [
            call
            for tool in matched
            for call in _plan(tool, matched, step, prompt.user_text, evidence)
            if call.name not in called_earlier or _is_grounded(tool, step)
        ]
        called_earlier |= {call.name for call in planned}
        if waiting := _without(planned, made, prompt.tools):
            return waiting
    return []


def _plan(
    tool: Tool, matched: Sequence[Tool], step: str, request: str, evidence: str
) -> Iterable[Call]:
    """Return the calls of one tool for one step: several if it names several places or numbers."""
    part = _own_part(tool, matched, step)
    required = tool.parameters.get("required") or []
    if len(required) != 1:
        return [_build_call(tool, part, request, evidence)]
    name = required[0]
    schema = resolve(properties(tool.parameters).get(name, {}), tool.parameters)
    options = branches(schema, tool.parameters)
    several = _several(name, options[0], part) if options else []
    if len(several) < 2:
        return [_build_call(tool, part, request, evidence)]
    base = _build_call(tool, part, request, evidence)
    return [Call(tool.name, {**base.arguments, name: value}) for value in several]


def _several(name: str, schema: JSONObject, text: str) -> Sequence[str | int | float]:
    kind = schema.get("type")
    if kind in ("integer", "number"):
        joined = re.search(r"\d\s*(?:,|and|&)\s*(?:and\s+)?-?\d", text)
        return extract.numbers(text) if joined else []
    role = role_of(name, schema.get("description", ""), schema.get("format"))
    return extract.places(text) if role is Role.PLACE and "enum" not in schema else []


def _own_part(tool: Tool, matched: Sequence[Tool], step: str) -> str:
    """Return the part of a step that speaks of one tool, up to where it speaks of the next."""
    start = mention_at(tool, step)
    following = [at for other in matched if (at := mention_at(other, step)) > start >= 0]
    part = step[start : min(following)] if following and start >= 0 else step[max(start, 0) :]
    wanted = [
        key
        for key in tool.parameters.get("required") or []
        if properties(tool.parameters).get(key, {}).get("type") in ("integer", "number")
    ]
    if operands := _operands(tool, step):
        return operands
    if wanted:
        return part if len(extract.numbers(part)) >= len(wanted) else step
    return part if extract.places(part) or extract.quotations(part) else step


def _operands(tool: Tool, step: str) -> str:
    own = set(stems_in_order(tool.name))
    for match in _OPERATION.finditer(step):
        if own & set(stems_in_order(match.group())):
            return f"{match[1]} {match[3]}"
    return ""


def _build_call(tool: Tool, part: str, request: str, evidence: str) -> Call:
    background = evidence if part == request else f"{evidence}\n{request}"
    source = Source(state_choice(part), background)
    arguments = fill(_object_schema(tool), source, invent=is_form(tool)).value
    for parameter, choices in find_choices(tool).items():
        arguments[parameter] = best_choice(choices, request)
    return Call(tool.name, arguments)


def _object_schema(tool: Tool) -> JSONObject:
    return {"type": "object", **tool.parameters}


def _is_grounded(tool: Tool, step: str) -> bool:
    """Return whether a step itself gives every required argument."""
    required = set(tool.parameters.get("required") or ())
    return bool(required) and required <= fill(_object_schema(tool), Source(step)).found


def _without(planned: list[Call], made: list[Call], tools: Sequence[Tool]) -> list[Call]:
    """Return the planned calls that have not been made; each made call crosses out one."""
    menus = {tool.name: list(find_choices(tool)) for tool in tools}
    left = list(planned)
    for call in made:
        keys = menus.get(call.name, [])
        for candidate in left:
            same_choice = all(candidate.arguments.get(k) == call.arguments.get(k) for k in keys)
            if candidate.name == call.name and same_choice:
                left.remove(candidate)
                break
    return left


def _final_form(prompt: Prompt, evidence: str, *, forced: bool) -> list[Call]:
    """Return the call that hands in the answer, where a tool is a form for it."""
    forms = [tool for tool in prompt.tools if is_form(tool)]
    made = {result.call.name for result in prompt.tool_results}
    asked = match_tools(prompt.user_text, forms, system=prompt.system_text)
    has_worked = bool(prompt.tool_results) and not forced
    candidates = asked or (forms if forced or has_worked else [])
    if not candidates and forced:
        candidates = _least_unfit(prompt, made)
    fresh = [tool for tool in candidates if tool.name not in made] or (candidates if forced else [])
    return [_build_call(fresh[0], prompt.user_text, prompt.user_text, evidence)] if fresh else []


def _least_unfit(prompt: Prompt, made: set[str]) -> list[Tool]:
    wanted = {stem(word) for word in stems_in_order(prompt.user_text)}

    def fitness(tool: Tool) -> tuple[bool, int]:
        words = set(stems_in_order(f"{tool.name} {tool.description}"))
        return tool.name not in made, len(wanted & words)

    return sorted(prompt.tools, key=fitness, reverse=True)


def unanswered(results: Sequence[ToolResult]) -> list[ToolResult]:
    """Return the results that say something to the user, without transfers of control."""
    return [result for result in results if not is_transfer(result.call.name)]

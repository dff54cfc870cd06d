"""Responses that have everything, and how one of their parts is changed or taken away."""

import copy
import warnings

from glm_openrouter import APIError, Completion, EmptyResponseWarning

from .parsing import assemble
from .wire import (
    USAGE,
    call,
    calls,
    chunk,
    details,
    error,
    finishes,
    response_body,
    says,
    thinks,
    uses,
)

COMPLETE = response_body(
    {
        "content": "Pier two.",
        "reasoning": "Hm.",
        "reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "index": 0}],
        "tool_calls": [
            call("find_berth", '{"harbour": "Oslo"}', 0, "a", type="function"),
            call("tide", "", 1, "b", type="function"),
        ],
        "annotations": [{"type": "url_citation", "url_citation": {"url": "https://x.test"}}],
    },
    "tool_calls",
)
FAILED = {
    **response_body({"content": "Half a"}, "error"),
    **error(
        429,
        raw='{"error":{"message":"busy"}}',
        provider_name="Z.AI",
        headers={"X-RateLimit-Reset": "1760000009000"},
        reasons=["a"],
    ),
}
FAILED["error"]["availability"] = {"retry_after": 3, "retryable": True, "excluded_by": ["geo"]}
LEAK = (
    "<tool_call>find_berth\n<arg_key>harbour</arg_key>\n<arg_value>Oslo</arg_value>\n</tool_call>"
)
STREAMS = {
    "text": [says("\n"), thinks("Hm."), says("Pier "), says("two."), finishes(), uses("C")],
    "calls": [
        calls(call("find_berth", '{"har', 0, "a"), call("tide", "", 1, "b")),
        calls(call(None, 'bour": "Oslo"}', 0)),
        finishes("tool_calls"),
        uses("B"),
    ],
    "leaks": [says("<think>Hm.</think>Well. "), says(LEAK), finishes(), uses("A")],
    "details": [
        details({"type": "reasoning.text", "text": "Hm", "index": 0}),
        details({"type": "reasoning.encrypted", "data": "eA==", "id": "1", "index": 1}),
        chunk({"content": "Pier", "annotations": [{"type": "file"}], "refusal": "No."}),
        finishes(usage=USAGE),
    ],
    "error": [says("Half a"), {**finishes("error"), **error(502, "Gone", raw={"message": "x"})}],
}
DOCUMENTS = {"complete": COMPLETE, "failed": FAILED}


def paths_of(node, path=()):
    """Every place in a JSON document."""
    yield path
    inner = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, value in inner:
        yield from paths_of(value, (*path, key))


def changed(document, path, value=...):
    """The document with another value at a place, or without that place."""
    if not path:
        return {} if value is ... else value
    key, *rest = path
    parent = copy.copy(document)  # what is not on the way stays shared
    if value is ... and not rest:
        del parent[key]
    else:
        parent[key] = changed(document[key], rest, value)
    return parent


def outcome(data, **options):
    """A completion or an APIError; anything else fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyResponseWarning)
        try:
            _, completion = assemble(data, **options)
        except APIError as failure:
            return failure
    assert isinstance(completion, Completion)
    assert isinstance(completion.text, str)
    assert isinstance(completion.reasoning, str)
    assert all(made.parsed is not None or made.error for made in completion.tool_calls)
    completion.metadata()
    return completion

"""Structured output that does not depend on the provider: what to ask for, and how to read the answer.

Some providers of GLM enforce a schema, some know only JSON mode, some ignore `response_format`, GLM's own refuses to be
forced to call a tool, and the answer may come as a call, bare, in a fence, or between sentences. So the schema also
goes into the prompt; the answer is read tolerantly and validated strictly, but JSON inside a sentence is a quote and no
answer; the model gets one chance to correct it; and then there is an error, which holds the answer.

An `OutputSpec` is one schema and one way to ask for it. `ask_until_valid` is the conversation, as a generator that
yields messages to send and receives the answers, so that both frameworks, synchronous and asynchronous, share it.
"""

from .conversation import Conversation, adrive, ask_until_valid, drive
from .partials import Partials
from .spec import Method, ModelAnswer, OutputSpec, check_schema, response_format, schema_check

__all__ = [
    "Conversation",
    "Method",
    "ModelAnswer",
    "OutputSpec",
    "Partials",
    "adrive",
    "ask_until_valid",
    "check_schema",
    "drive",
    "response_format",
    "schema_check",
]

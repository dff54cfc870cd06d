"""Which calls share what was learned of providers."""

import asyncio
import copy
import pickle

import pytest

from glm_openrouter.testing import stream_reply
from support.replies import TEXT
from support.wire import USAGE, chunk

ANSWER = stream_reply(
    [
        {**chunk({"content": TEXT}), "provider": "Z.AI"},
        {**chunk({}, "stop", usage=USAGE), "provider": "Z.AI"},
    ]
)


def wishes(server):
    """The providers that each request asked for first."""
    return [request.body.get("provider", {}).get("order") for request in server.requests]


def test_a_pin_of_a_synchronous_call_holds_for_asynchronous_ones(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, pin_provider=True)
    model_class.call(model)
    asyncio.run(model_class.acall(model))

    shared = None if model_class.name == "core" else ["z-ai"]  # there, these are two clients
    assert wishes(server) == [None, shared]


def test_a_pin_of_an_asynchronous_call_holds_for_synchronous_ones(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, pin_provider=True)
    asyncio.run(model_class.acall(model))
    model_class.call(model)

    shared = None if model_class.name == "core" else ["z-ai"]
    assert wishes(server) == [None, shared]


def test_two_models_share_no_pin(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    for _ in range(2):
        model_class.call(model_class.make(server.base_url, pin_provider=True))

    assert wishes(server) == [None, None]


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_copy_starts_without_pins(model_class, scripted_openrouter, copied):
    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, pin_provider=True)
    model_class.call(model)
    model_class.call(copied(model))
    model_class.call(model)

    assert wishes(server) == [None, None, ["z-ai"]]


def test_a_pin_outlives_another_option(scripted_openrouter):
    from langchain_glm import ChatGLM

    server = scripted_openrouter(ANSWER)
    model = ChatGLM(api_key="sk-or-test", base_url=server.base_url, pin_provider=True)
    model.invoke("?")
    model.max_retries = 0
    model.invoke("?")

    assert wishes(server) == [None, ["z-ai"]]

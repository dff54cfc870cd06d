"""`model.profile`: known offline, and what the catalogue says once it is asked."""

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from glm_openrouter.testing import json_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from langchain_glm import ChatGLM, NotFoundError

ENDPOINTS = {
    "name": "Z.AI: GLM 4.6",
    "architecture": {"input_modalities": ["text", "image"]},
    "endpoints": [
        {
            "context_length": 300_000,
            "max_completion_tokens": 65_536,
            "supported_parameters": ["tools", "reasoning"],
        },
        {
            "context_length": 131_072,
            "max_completion_tokens": 16_384,
            "supported_parameters": ["structured_outputs"],
        },
    ],
}

WAYS: dict[str, Callable[[ChatGLM], Any]] = {
    "sync": lambda model: model.refresh_profile(),
    "async": lambda model: asyncio.run(model.arefresh_profile()),
}


@pytest.fixture(params=WAYS)
def refresh(request: pytest.FixtureRequest) -> Callable[[ChatGLM], Any]:
    return WAYS[request.param]


def test_the_profile_is_known_without_asking(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(json_reply({"data": ENDPOINTS}))
    model = ChatGLM(api_key="sk-or-test", base_url=server.base_url)

    assert model.profile is not None
    assert model.profile["max_input_tokens"] == 202_752
    assert server.requests == []


@pytest.mark.parametrize("suffix", ["", ":exacto", ":nitro", "@preset/mine"])
def test_a_refreshed_profile_says_what_the_catalogue_says(
    scripted_openrouter: StartScript, refresh: Callable[[ChatGLM], Any], suffix: str
) -> None:
    server = scripted_openrouter(json_reply({"data": ENDPOINTS}))
    model = ChatGLM(model=f"z-ai/glm-4.6{suffix}", api_key="sk-or-test", base_url=server.base_url)
    refreshed = refresh(model)

    assert model.profile == refreshed
    assert refreshed["max_input_tokens"] == 300_000
    assert refreshed["max_output_tokens"] == 65_536
    assert refreshed["image_inputs"] is True
    assert refreshed["tool_calling"] is True
    assert refreshed["structured_output"] is True
    assert [r.path for r in server.requests] == ["/api/v1/models/z-ai/glm-4.6/endpoints"]


def test_a_model_that_nothing_is_known_about_gets_a_profile(
    scripted_openrouter: StartScript, refresh: Callable[[ChatGLM], Any]
) -> None:
    server = scripted_openrouter(json_reply({"data": {**ENDPOINTS, "name": "New"}}))
    model = ChatGLM(model="a/new", api_key="sk-or-test", base_url=server.base_url)
    assert model.profile is None
    refresh(model)

    assert model.profile is not None
    assert model.profile["name"] == "New"


def test_a_profile_without_tools_says_so(
    scripted_openrouter: StartScript, refresh: Callable[[ChatGLM], Any]
) -> None:
    only = [{"context_length": 8192, "supported_parameters": ["temperature"]}]
    server = scripted_openrouter(json_reply({"data": {"endpoints": only}}))
    model = ChatGLM(api_key="sk-or-test", base_url=server.base_url)
    profile = refresh(model)

    assert (profile["tool_calling"], profile["tool_choice"]) == (False, False)
    assert profile["reasoning_output"] is False
    assert profile["max_output_tokens"] == 8192


def test_a_failure_leaves_the_profile_as_it_was(
    scripted_openrouter: StartScript, refresh: Callable[[ChatGLM], Any]
) -> None:
    error = {"error": {"code": 404, "message": "Model not found"}}
    server = scripted_openrouter(json_reply(error, 404))
    model = ChatGLM(api_key="sk-or-test", base_url=server.base_url)
    before = model.profile
    with pytest.raises(NotFoundError):
        refresh(model)

    assert model.profile == before


def test_a_copy_keeps_the_refreshed_profile(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(json_reply({"data": ENDPOINTS}))
    model = ChatGLM(api_key="sk-or-test", base_url=server.base_url)
    model.refresh_profile()

    assert pickle.loads(pickle.dumps(model)).profile == model.profile

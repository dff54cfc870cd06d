"""`model.profile`: known offline, and what the catalogue says once it is asked."""

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from glm_openrouter import InvalidRequestError, RetiringModelWarning
from glm_openrouter.testing import ReceivedRequest, json_reply
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
    assert [r.path for r in server.requests] == [
        "/api/v1/models/z-ai/glm-4.6/endpoints",
        "/api/v1/models",
    ]


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


def listing(*rows: dict[str, Any], endpoints: dict[str, Any] = ENDPOINTS) -> Any:
    """Return what answers for the list of models, and for the endpoints of any."""

    def reply(request: ReceivedRequest) -> Any:
        if request.path.endswith("/models"):
            return json_reply({"data": list(rows)})
        return json_reply({"data": endpoints})

    return reply


RETIRING = {"id": "z-ai/glm-4.6", "expiration_date": "2027-03-31"}


def test_a_model_that_retires_is_warned_of_once(
    scripted_openrouter: StartScript, refresh: Callable[[ChatGLM], Any]
) -> None:
    server = scripted_openrouter(listing({"id": "z-ai/glm-5"}, RETIRING))
    model = ChatGLM(api_key="sk-or-test", base_url=server.base_url)
    assert model.profile is not None
    assert model.profile["status"] == "active"
    with pytest.warns(RetiringModelWarning, match=r"retires z-ai/glm-4\.6 on 2027-03-31"):
        profile = refresh(model)
    refresh(model)  # and says no more
    assert profile["status"] == "deprecated"


@pytest.mark.parametrize("day", [None, "", "soon", 7, "2026-13-01"])
def test_what_is_no_day_is_no_retirement(
    scripted_openrouter: StartScript, refresh: Callable[[ChatGLM], Any], day: Any
) -> None:
    server = scripted_openrouter(listing({**RETIRING, "expiration_date": day}))
    model = ChatGLM(api_key="sk-or-test", base_url=server.base_url)
    assert refresh(model)["status"] == "active"


def test_a_list_that_does_not_come_costs_the_retirement_only(
    scripted_openrouter: StartScript, refresh: Callable[[ChatGLM], Any]
) -> None:
    down = json_reply({"error": {"code": 403, "message": "No"}}, 403)
    server = scripted_openrouter(json_reply({"data": ENDPOINTS}), down)
    profile = refresh(ChatGLM(api_key="sk-or-test", base_url=server.base_url))
    assert (profile["max_input_tokens"], profile["status"]) == (300_000, "active")


def test_an_alias_has_the_profile_of_what_it_stands_for(
    scripted_openrouter: StartScript, refresh: Callable[[ChatGLM], Any]
) -> None:
    alias = {"id": "~z-ai/glm-latest", "alias_target": {"slug": "z-ai/glm-6", "name": "GLM 6"}}
    server = scripted_openrouter(listing(alias, endpoints={**ENDPOINTS, "name": "GLM 6"}))
    model = ChatGLM(model="~z-ai/glm-latest:nitro", api_key="sk-or-test", base_url=server.base_url)
    assert model.profile is not None
    assert model.profile["name"] == "GLM-5.3"
    assert refresh(model)["name"] == "GLM 6"
    assert "/api/v1/models/z-ai/glm-6/endpoints" in [r.path for r in server.requests]


def test_a_refreshed_profile_decides_what_a_model_takes(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(listing())
    model = ChatGLM(api_key="sk-or-test", base_url=server.base_url)
    image = HumanMessage([{"type": "image", "url": "https://e.org/a.png"}])
    with pytest.raises(InvalidRequestError, match="takes text only"):
        model.get_num_tokens_from_messages([image])
    model.refresh_profile()
    assert model.get_num_tokens_from_messages([image]) > 0

"""`llm.metadata`: known offline, and what the catalogue says once it is asked."""

import asyncio
import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from glm_openrouter import NotFoundError, RetiringModelWarning
from glm_openrouter.testing import json_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from llamaindex_glm import GLM

ENDPOINT = {
    "context_length": 300_000,
    "max_completion_tokens": 65_536,
    "supported_parameters": ["tools", "reasoning"],
}

WAYS: dict[str, Callable[[GLM], Any]] = {
    "sync": lambda llm: llm.refresh_profile(),
    "async": lambda llm: asyncio.run(llm.arefresh_profile()),
}


@pytest.fixture(params=WAYS)
def refresh(request: pytest.FixtureRequest) -> Callable[[GLM], Any]:
    return WAYS[request.param]


def endpoints(*rows: dict[str, Any]) -> Any:
    return json_reply({"data": {"name": "x", "endpoints": rows}})


def test_the_metadata_is_known_without_asking(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(endpoints(ENDPOINT))

    assert GLM(api_key="sk-or-test", api_base=server.base_url).metadata.context_window == 202_752
    assert server.requests == []


@pytest.mark.parametrize("model", ["z-ai/glm-4.6:exacto", "a/new"])
def test_refreshed_metadata_says_what_the_catalogue_says(
    scripted_openrouter: StartScript, refresh: Callable[[GLM], Any], model: str
) -> None:
    server = scripted_openrouter(endpoints(ENDPOINT))
    llm = GLM(model=model, api_key="sk-or-test", api_base=server.base_url)

    assert refresh(llm) == llm.metadata
    assert (llm.metadata.context_window, llm.metadata.model_name) == (300_000, model)
    assert llm.metadata.is_function_calling_model
    assert len(server.requests) == 2  # the endpoints, and the list of models


def test_a_model_that_retires_is_warned_of_in_llamaindex_too(
    scripted_openrouter: StartScript, refresh: Callable[[GLM], Any]
) -> None:
    rows = json_reply({"data": [{"id": "z-ai/glm-4.6", "expiration_date": "2027-03-31"}]})
    server = scripted_openrouter(endpoints(ENDPOINT), rows)
    llm = GLM(api_key="sk-or-test", api_base=server.base_url)
    with pytest.warns(RetiringModelWarning, match=r"retires z-ai/glm-4\.6 on 2027-03-31"):
        refresh(llm)


def test_a_window_of_the_constructor_stays(
    scripted_openrouter: StartScript, refresh: Callable[[GLM], Any]
) -> None:
    server = scripted_openrouter(endpoints(ENDPOINT))
    llm = GLM(api_key="sk-or-test", api_base=server.base_url, context_window=10_000)

    assert refresh(llm).context_window == 10_000


def test_a_model_without_tools_is_no_function_calling_model(
    scripted_openrouter: StartScript, refresh: Callable[[GLM], Any]
) -> None:
    server = scripted_openrouter(endpoints({**ENDPOINT, "supported_parameters": []}))
    llm = GLM(api_key="sk-or-test", api_base=server.base_url)

    assert not refresh(llm).is_function_calling_model


def test_the_facts_belong_to_the_model_that_was_asked_about(
    scripted_openrouter: StartScript, refresh: Callable[[GLM], Any]
) -> None:
    server = scripted_openrouter(endpoints(ENDPOINT))
    llm = GLM(api_key="sk-or-test", api_base=server.base_url)
    refresh(llm)
    llm.model = "z-ai/glm-4.6:nitro"
    assert llm.metadata.context_window == 300_000
    llm.model = "z-ai/glm-4.5"
    assert llm.metadata.context_window == 131_072


def test_a_failure_leaves_the_metadata_as_they_were(
    scripted_openrouter: StartScript, refresh: Callable[[GLM], Any]
) -> None:
    error = {"error": {"code": 404, "message": "Model not found"}}
    server = scripted_openrouter(json_reply(error, 404))
    llm = GLM(api_key="sk-or-test", api_base=server.base_url)
    before = llm.metadata
    with pytest.raises(NotFoundError):
        refresh(llm)

    assert llm.metadata == before


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda llm: pickle.loads(pickle.dumps(llm))]
)
def test_a_copy_keeps_the_refreshed_metadata(
    scripted_openrouter: StartScript, copied: Callable[[GLM], GLM]
) -> None:
    server = scripted_openrouter(endpoints(ENDPOINT))
    llm = GLM(api_key="sk-or-test", api_base=server.base_url)
    llm.refresh_profile()

    assert copied(llm).metadata == llm.metadata != GLM(api_key="sk-or-test").metadata

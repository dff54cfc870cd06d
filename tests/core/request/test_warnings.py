"""Warnings about requests that will not do what they seem to say."""

import warnings

import pytest

from glm_openrouter import ChatRequest, ProviderSort, RoutingConflictWarning, SmallMaxTokensWarning
from glm_openrouter.request import _warnings as _guards
from glm_openrouter.testing import json_reply
from langchain_glm import ChatGLM
from llamaindex_glm import GLM
from support.wire import response_body

KEY = "sk-or-v1-of-a-test"
MESSAGES = [{"role": "user", "content": "Hi"}]
EXACTO = "z-ai/glm-4.6:exacto"


@pytest.fixture(autouse=True)
def _nothing_was_warned_about():
    _guards._warn_once.cache_clear()


def told(**settings):
    """Return what is warned about, as text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ChatRequest(messages=MESSAGES, **settings)
    return [f"{warning.category.__name__}: {warning.message}" for warning in caught]


@pytest.mark.parametrize(
    ("model", "provider", "winner"),
    [
        (EXACTO, {"sort": "price"}, "provider.sort wins: providers are sorted by price"),
        (EXACTO, {"sort": {"by": "latency"}}, "provider.sort wins"),
        (EXACTO, {"sort": ProviderSort(by="throughput")}, "provider.sort wins"),
        (EXACTO, {"order": ["z-ai"]}, "provider.order wins"),
        (EXACTO, {"order": ["z-ai"], "sort": "exacto"}, "provider.order wins"),
        ("z-ai/glm-4.6:nitro", {"sort": "price"}, "provider.sort wins"),
        ("z-ai/glm-4.6:floor", {"order": ["z-ai"]}, "provider.order wins"),
        ("z-ai/glm-4.6:exacto@preset/mine", {"sort": "price"}, ":exacto in z-ai"),
    ],
)
def test_a_suffix_that_has_no_effect_is_told_with_what_wins(model, provider, winner):
    (text,) = told(model=model, provider=provider)

    assert text.startswith("RoutingConflictWarning: ")
    assert winner in text
    assert model in text


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        (EXACTO, {"sort": "exacto"}),
        (EXACTO, {"sort": {"by": "exacto", "partition": "none"}}),
        (EXACTO, {"sort": {"partition": "none"}}),
        (EXACTO, {"only": ["z-ai"], "ignore": ["venice"], "zdr": True}),
        (EXACTO, {"order": []}),
        ("z-ai/glm-4.6:nitro", {"sort": "throughput"}),
        ("z-ai/glm-4.6:floor", {"sort": "price"}),
        ("z-ai/glm-4.6", {"order": ["z-ai"], "sort": "price"}),
        ("z-ai/glm-4.6:free", {"order": ["z-ai"]}),
    ],
)
def test_what_does_not_contradict_is_not_told(model, provider):
    assert told(model=model, provider=provider) == []


def test_a_suffix_of_a_fallback_is_one_too():
    (text,) = told(
        model="z-ai/glm-4.6", models=["z-ai/glm-4.7:exacto"], provider={"order": ["z-ai"]}
    )

    assert "z-ai/glm-4.7:exacto" in text


def test_each_combination_is_told_once():
    assert len(told(provider={"sort": "price"})) == 1
    assert told(provider={"sort": "price"}) == []
    assert len(told(provider={"sort": "latency"})) == 1
    assert len(told(model="z-ai/glm-4.7:exacto", provider={"sort": "price"})) == 1


def test_where_warnings_are_errors_each_request_is_refused():
    for _ in range(2):
        with pytest.raises(RoutingConflictWarning):
            ChatRequest(messages=MESSAGES, provider={"sort": "price"})


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize(
    "thinking", [{}, {"reasoning": True}, {"reasoning": "low"}, {"reasoning": {"exclude": True}}]
)
def test_too_few_tokens_for_thinking_are_told(name, thinking):
    (text,) = told(**{name: 256}, **thinking)

    assert text.startswith("SmallMaxTokensWarning: ")
    assert "256" in text
    assert "1024" in text
    assert "reasoning=False" in text


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"max_tokens": 1024},
        {"max_tokens": 16, "reasoning": False},
        {"max_tokens": 16, "reasoning": "none"},
        {"max_tokens": 16, "reasoning_effort": "none"},
        {"max_tokens": 16, "model": "openai/gpt-4o-mini"},
        {"max_tokens": 16, "model": "@preset/mine"},
        {"max_tokens": 16, "max_completion_tokens": 2048},
    ],
)
def test_enough_tokens_are_not_told(settings):
    assert told(**settings) == []


def test_too_few_tokens_are_told_once():
    assert len(told(max_tokens=300)) == 1
    assert told(max_tokens=300) == []


@pytest.mark.parametrize(
    ("settings", "category"),
    [({"max_tokens": 200}, SmallMaxTokensWarning), ({"sort": "price"}, RoutingConflictWarning)],
)
def test_both_frameworks_tell_and_send_all_the_same(scripted_openrouter, settings, category):
    if "sort" in settings:
        settings = {"provider": settings}
    server = scripted_openrouter(json_reply(response_body({"content": "Hello."})))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ChatGLM(base_url=server.base_url, api_key=KEY, **settings).invoke("Hi")
        GLM(api_base=server.base_url, api_key=KEY, **settings).complete("Hi")

    assert [warning.category for warning in caught] == [category]
    assert [{name: r.body[name] for name in settings} for r in server.requests] == [settings] * 2

"""The account at OpenRouter: credits, and what was used by day, model and provider."""

import inspect
from datetime import date, datetime

import pytest

from glm_openrouter import (
    Activity,
    ActivityInfo,
    ActivitySums,
    AuthenticationError,
    CreditsInfo,
    InvalidRequestError,
    PermissionDeniedError,
)
from glm_openrouter.testing import json_reply
from support.samples import KEY
from support.wire import error

ROW = {
    "date": "2026-11-30",
    "model": "z-ai/glm-4.6",
    "model_permaslug": "z-ai/glm-4.6-20250930",
    "endpoint_id": "550e8400-e29b-41d4-a716-446655440000",
    "provider_name": "Z.AI",
    "usage": 0.015,
    "byok_usage_inference": 0.012,
    "requests": 5,
    "prompt_tokens": 50,
    "completion_tokens": 125,
    "reasoning_tokens": 25,
}


@pytest.fixture
def get(run):
    """A function that makes one call of either client."""

    def call(server, method, *arguments):
        async def ask(client):
            answer = getattr(client.inner, method)(*arguments)
            return await answer if inspect.isawaitable(answer) else answer

        return run.scenario(server.base_url, ask)

    return call


def test_the_credits_are_typed(get, scripted_openrouter):
    server = scripted_openrouter(
        json_reply({"data": {"total_credits": 100.5, "total_usage": 25.25}})
    )
    credits = get(server, "credits")

    assert credits == CreditsInfo(total_credits=100.5, total_usage=25.25)
    assert credits.remaining == 75.25
    assert [(r.method, r.path) for r in server.requests] == [("GET", "/api/v1/credits")]
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("data", [{}, {"total_credits": 3}, {"total_credits": "?"}, [], None])
def test_what_is_left_is_not_made_up(get, scripted_openrouter, data):
    assert get(scripted_openrouter(json_reply({"data": data})), "credits").remaining is None


def test_a_row_of_the_activity_is_typed(get, scripted_openrouter):
    server = scripted_openrouter(json_reply({"data": [ROW]}))
    activity = get(server, "activity")

    assert isinstance(activity, Activity)
    assert activity == [ActivityInfo(**ROW)]
    assert [(r.path, r.query) for r in server.requests] == [("/api/v1/activity", "")]


@pytest.mark.parametrize(
    "day", ["2026-11-30", date(2026, 11, 30), datetime(2026, 11, 30, 23, 59)], ids=type
)
def test_one_day_can_be_asked_for(get, scripted_openrouter, day):
    server = scripted_openrouter(json_reply({"data": [ROW]}))
    get(server, "activity", day)

    assert server.requests[0].query == "date=2026-11-30"


@pytest.mark.parametrize("day", ["yesterday", "30.11.2026", "", 7])
def test_what_is_no_day_is_refused_before_anything_is_sent(get, scripted_openrouter, day):
    server = scripted_openrouter(json_reply({"data": [ROW]}))
    with pytest.raises(InvalidRequestError, match="2026-11-30"):
        get(server, "activity", day)

    assert server.requests == []


@pytest.mark.parametrize("method", ["credits", "activity"])
def test_a_key_that_is_none_for_management_is_told_what_is(get, scripted_openrouter, method):
    refusal = error(403, "Only management keys can perform this operation")
    server = scripted_openrouter(json_reply(refusal, 403))
    with pytest.raises(PermissionDeniedError, match="settings/management-keys") as caught:
        get(server, method)

    assert caught.value.status_code == 403
    assert "Only management keys" in caught.value.message
    assert len(server.requests) == 1


def test_a_key_that_nobody_knows_is_another_error(get, scripted_openrouter):
    server = scripted_openrouter(json_reply(error(401, "User not found."), 401))
    with pytest.raises(AuthenticationError):
        get(server, "credits")


def test_an_odd_value_of_the_activity_costs_that_value_only(get, scripted_openrouter):
    odd = {**ROW, "usage": "much", "requests": -1, "prompt_tokens": 50.0, "new_field": {}}
    activity = get(scripted_openrouter(json_reply({"data": [odd, 5, None, "row"]})), "activity")

    assert activity == [ActivityInfo(**{**ROW, "usage": None, "requests": None})]


def test_activity_sums_up_by_day_model_and_provider():
    rows = [
        ActivityInfo(**ROW),
        ActivityInfo(**{**ROW, "date": "2026-11-29", "usage": 0.5}),
        ActivityInfo(**{**ROW, "provider_name": "Zeta", "usage": 1.0, "requests": None}),
    ]
    activity = Activity(rows)

    assert list(activity.by_day) == ["2026-11-29", "2026-11-30"]
    assert activity.by_day["2026-11-30"].usage == 1.015
    assert [(key, sums.requests) for key, sums in activity.by_provider.items()] == [
        (("z-ai/glm-4.6", "Zeta"), 0),
        (("z-ai/glm-4.6", "Z.AI"), 10),
    ]
    assert activity.total.completion_tokens == 375
    assert Activity().total == ActivitySums()

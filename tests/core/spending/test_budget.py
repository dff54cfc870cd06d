"""A budget stops a run before the call that would go over it."""

import asyncio
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from glm_openrouter import (
    APIError,
    Budget,
    BudgetExceededError,
    ChatRequest,
    Client,
    GLMError,
    InternalServerError,
    InvalidRequestError,
    track_spend,
)
from glm_openrouter.testing import json_reply, stream_reply
from support.wire import error, response_body

both = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])


def costs(cost, streamed=False):
    reply = response_body({"content": "2"}, usage={"prompt_tokens": 10, "cost": cost})
    return stream_reply([reply]) if streamed else json_reply(reply)


def asking(model):
    return ChatRequest(messages=[{"role": "user", "content": "1 + 1?"}], model=model)


@both
def test_the_call_that_would_go_over_is_not_sent(run, scripted_openrouter, streamed):
    server = scripted_openrouter(costs(0.2, streamed))

    with Budget(0.5) as budget:
        run.either(streamed, server.base_url)
        run.either(streamed, server.base_url)
        with pytest.raises(BudgetExceededError) as caught:
            run.either(streamed, server.base_url)

    assert len(server.requests) == 2
    assert (caught.value.limit, caught.value.spent) == (0.5, 0.4)
    assert caught.value.estimate == pytest.approx(0.2)
    assert budget.spent == 0.4
    assert budget.remaining == pytest.approx(0.1)


def test_a_limit_can_be_used_up_exactly(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.1))

    with Budget(0.3):
        for _ in range(3):
            run.complete(server.base_url)
        with pytest.raises(BudgetExceededError):
            run.complete(server.base_url)


def test_a_call_is_estimated_by_the_last_one_if_calls_grow(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.1), costs(0.3))

    with Budget(0.69):
        run.complete(server.base_url)
        run.complete(server.base_url)
        with pytest.raises(BudgetExceededError) as caught:
            run.complete(server.base_url)
    assert caught.value.estimate == 0.3


def test_a_call_is_estimated_by_the_average_if_calls_shrink(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.3), costs(0.1))

    with Budget(0.6):
        for _ in range(3):
            run.complete(server.base_url)
        with pytest.raises(BudgetExceededError) as caught:
            run.complete(server.base_url)
    assert caught.value.estimate == pytest.approx(0.5 / 3)


def test_each_model_is_estimated_by_its_own_calls(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.4), costs(0.01))

    with Budget(0.5):
        run.complete(server.base_url, asking("z-ai/glm-5"))
        run.complete(server.base_url, asking("z-ai/glm-4.6"))
        run.complete(server.base_url, asking("z-ai/glm-4.6"))
        with pytest.raises(BudgetExceededError):
            run.complete(server.base_url, asking("z-ai/glm-5"))


def test_nothing_is_sent_after_the_limit_was_passed(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.9))

    with Budget(0.5):
        run.complete(server.base_url)
        with pytest.raises(BudgetExceededError):
            run.complete(server.base_url, asking("another/model"))
    assert len(server.requests) == 1


def test_the_first_call_is_estimated_as_the_user_says(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.1))

    with Budget(0.5, first_call=0.6), pytest.raises(BudgetExceededError):
        run.complete(server.base_url)
    assert server.requests == []


def test_a_budget_of_nothing_sends_nothing(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.1))

    with Budget(0), pytest.raises(BudgetExceededError):
        run.complete(server.base_url)
    assert server.requests == []


@pytest.mark.parametrize("limit", [-0.1, float("nan"), float("inf")])
def test_a_limit_that_is_no_amount_is_refused(limit):
    with pytest.raises(InvalidRequestError, match="limit"):
        Budget(limit)
    with pytest.raises(InvalidRequestError, match="first_call"):
        Budget(1, first_call=limit)


def test_calls_on_their_way_count_with_their_estimates(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.2), costs(0.2, streamed=True))

    async def ask_beside_a_stream(client):
        await client.complete(run.request)
        async with client.stream(run.request):
            with pytest.raises(BudgetExceededError, match=r"0\.200000 are reserved for calls"):
                await client.complete(run.request)

    with Budget(0.5):
        run.scenario(server.base_url, ask_beside_a_stream)


def test_a_failed_call_gives_back_what_was_kept_for_it(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.2), json_reply(error(503), 503), costs(0.2))

    with Budget(0.5) as budget:
        run.complete(server.base_url)
        with pytest.raises(InternalServerError):
            run.complete(server.base_url, max_retries=0)
        run.complete(server.base_url)
    assert budget.spent == 0.4


def test_a_call_that_cannot_be_sent_gives_back_what_was_kept_for_it(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.2))

    with Budget(0.5) as budget:
        run.complete(server.base_url)
        with pytest.raises(APIError):
            run.complete("http://127.0.0.1:1/api/v1", max_retries=0)
        run.complete(server.base_url)
    assert budget.spent == 0.4


def test_an_inner_budget_that_refuses_leaves_the_outer_one_as_it_was(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.2))

    with Budget(0.6) as outer:
        run.complete(server.base_url)
        with Budget(0.1, first_call=0.2), pytest.raises(BudgetExceededError) as caught:
            run.complete(server.base_url)
        run.complete(server.base_url)
        run.complete(server.base_url)
    assert caught.value.limit == 0.1
    assert outer.spent == pytest.approx(0.6)


def test_the_smallest_of_nested_budgets_counts(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.2))

    with Budget(0.3), Budget(10):
        run.complete(server.base_url)
        with pytest.raises(BudgetExceededError) as caught:
            run.complete(server.base_url)
    assert caught.value.limit == 0.3


def test_a_budget_is_a_spend(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.2))
    with Budget(1) as budget, track_spend() as spend:
        run.complete(server.base_url)

    assert budget.entries == spend.entries
    assert "0.200000 USD" in str(budget)


def test_a_batch_of_calls_shares_one_budget(run, offline_openrouter):
    async def ask_at_once(client):
        await client.complete(run.request)
        return await asyncio.gather(
            *(client.complete(run.request) for _ in range(50)), return_exceptions=True
        )

    with track_spend() as spend:
        run.complete(offline_openrouter.base_url)
    one = spend.total.cost
    offline_openrouter.clear()
    with Budget(10.5 * one) as budget:
        outcomes = run.scenario(offline_openrouter.base_url, ask_at_once)

    assert budget.spent <= budget.limit
    refused = [outcome for outcome in outcomes if isinstance(outcome, BudgetExceededError)]
    assert len(offline_openrouter.requests) + len(refused) == 51
    assert refused


def test_threads_share_one_budget(scripted_openrouter):
    server = scripted_openrouter(costs(0.01))
    client = Client(base_url=server.base_url, api_key="sk-or-v1-of-a-test")
    budget = Budget(0.105, first_call=0.01)

    def work(_):
        with budget:
            try:
                client.complete(asking("z-ai/glm-4.6"))
            except BudgetExceededError:
                return "refused"
        return "answered"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(work, range(40)))
    client.close()

    assert outcomes.count("answered") == len(server.requests) <= 10
    assert budget.spent == pytest.approx(len(server.requests) * 0.01)
    assert budget.spent <= budget.limit


def test_the_error_can_be_pickled():
    made = BudgetExceededError("Too much.", limit=0.5, spent=0.4, estimate=0.2)
    copy = pickle.loads(pickle.dumps(made))

    assert isinstance(copy, GLMError)
    assert (copy.message, copy.limit, copy.spent, copy.estimate) == ("Too much.", 0.5, 0.4, 0.2)


def test_the_error_says_what_happened_and_what_to_do(run):
    with pytest.raises(BudgetExceededError) as caught, Budget(0):
        run.complete("http://127.0.0.1:1/api/v1")

    assert str(caught.value).startswith("The budget of 0 USD does not cover the next call")
    assert "Raise the limit" in str(caught.value)

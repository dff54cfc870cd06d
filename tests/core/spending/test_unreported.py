"""A request that was sent and whose cost nobody tells counts with an estimate; one that was refused does not."""

import asyncio
import contextlib
import json
import math
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glm_openrouter import (
    APIError,
    APITimeoutError,
    Budget,
    BudgetExceededError,
    ChatRequest,
    Completion,
    InvalidRequestError,
    Spend,
    SpendEntry,
    StreamInterruptedError,
    UnreportedCostWarning,
    Usage,
    track_spend,
)
from glm_openrouter.completions import CompletionTokensDetails, PromptTokensDetails
from glm_openrouter.testing import (
    Close,
    Hold,
    Reset,
    ScriptedServer,
    Send,
    Status,
    bytes_reply,
    json_reply,
    stream_reply,
)
from support.wire import FACTS, MODEL, USAGE, chunk, error, response_body, says, uses

COST = 0.005
"""USD that the server bills for each response, whatever it says of it."""

ESTIMATE = 0.2

JSON = {"content-type": "application/json"}


def costs(cost=COST):
    return json_reply(response_body({"content": "2"}, usage={"prompt_tokens": 10, "cost": cost}))


def ask(run, server, times=1, **options):
    """Make calls one after the other."""
    for _ in range(times):
        run.complete(server.base_url, **options)


def says_of_cost(written):
    """A reply with a cost that is written in just this way."""
    text = json.dumps(response_body({"content": "2"}, usage={"prompt_tokens": 10, "cost": "?"}))
    return json_reply(text.replace('"?"', written))


def fails(native_reason):
    """The end of an answer that OpenRouter calls good and the provider does not."""
    end = chunk({}, "stop")
    end["choices"][0]["native_finish_reason"] = native_reason
    return end


WITHOUT_COST = json_reply(response_body({"content": "2"}, usage={"prompt_tokens": 10}))

UNREPORTED = {
    "no answer": (Close(),),
    "reset": (Reset(),),
    "cut headers": (Send(b"HTTP/1.1 200 OK\r\ncontent-"), Close()),
    "cut body": (Status(200, {**JSON, "content-length": "999"}), Send(b'{"choices": ['), Close()),
    "empty body": json_reply(""),
    "page of HTML": json_reply("<html>Welcome</html>", headers={"content-type": "text/html"}),
    "no choices": json_reply({}),
    "no usage": json_reply(response_body({"content": "2"}, usage=None)),
    "broken stream": stream_reply([says("Pier "), Close()], done=False),
    "reset stream": stream_reply([says("Pier "), Reset()], done=False),
    "unfinished stream": stream_reply([says("Pier ")], done=False),
    "garbage in the stream": stream_reply([says("Pier "), "{"]),
    "error in the stream": stream_reply([says("Pier "), error(502, "Gone")]),
    "error in the reasoning": stream_reply([chunk({"reasoning": "Hm"}), error(502, "Gone")]),
    "error after an empty one": stream_reply([says("Pier "), chunk({}, "error")]),
    "gateway that stopped to wait": json_reply(error(504), 504),
    "gateway that says so in a body": json_reply(error(504)),
    "edge that says so in a stream": stream_reply([error(524)]),
    "edge that stopped to wait": bytes_reply(b"<html>Timeout</html>", status=524),
}

REFUSED = {
    "bad request": json_reply(error(400), 400),
    "no key": json_reply(error(401), 401),
    "no credit": json_reply(error(402), 402),
    "limited rate": json_reply(error(429), 429),
    "failure": json_reply(error(500), 500),
    "bad gateway": json_reply(error(502), 502),
    "overload": json_reply(error(503), 503),
    "redirect": bytes_reply(b"", status=307, headers={"location": "/elsewhere"}),
    "error in a body": json_reply(error(502)),
    "error as first event": stream_reply([error(502)]),
    "error after the role": stream_reply([says(""), error(502)]),
    "error instead of an answer": stream_reply([chunk({}, "error")]),
    "error that only the provider names": stream_reply([fails("network_error")]),
}

NO_COST = ["null", '"much"', '"nan"', '"inf"', "NaN", "-1", "-0.001", "1e400", "true", "[1]", "{}"]
NO_COST += ["1" + "0" * 400, "-Infinity", '"-1"']


@contextlib.contextmanager
def spending():
    """Both ledgers, which agree; of the warning there are tests of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreportedCostWarning)
        with Budget(1, first_call=ESTIMATE) as budget, track_spend() as spend:
            yield budget
    counts = (spend.total.calls, spend.total.unreported_calls, spend.total.cost)
    assert counts == (budget.total.calls, budget.total.unreported_calls, budget.total.cost)


def assert_unreported(budget, calls=1):
    assert budget.total.calls == budget.total.unreported_calls == calls
    assert budget.total.cost == 0
    assert budget.total.unreported == budget.spent == pytest.approx(calls * ESTIMATE)
    assert budget.remaining == pytest.approx(1 - calls * ESTIMATE)


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("outcome", UNREPORTED)
def test_what_may_have_been_paid_counts_with_its_estimate(
    run, scripted_openrouter, outcome, streamed
):
    server = scripted_openrouter(UNREPORTED[outcome])
    with spending() as budget, contextlib.suppress(APIError):
        run.either(streamed, server.base_url, max_retries=0)

    assert_unreported(budget)


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("outcome", REFUSED)
def test_what_was_refused_costs_nothing(run, scripted_openrouter, outcome, streamed):
    server = scripted_openrouter(REFUSED[outcome])
    with spending() as budget, pytest.raises(APIError):
        run.either(streamed, server.base_url, max_retries=0)

    assert budget.total == SpendEntry()


@pytest.mark.parametrize("written", NO_COST)
def test_a_cost_that_is_no_amount_is_unreported(run, scripted_openrouter, written):
    server = scripted_openrouter(says_of_cost(written))
    with spending() as budget, contextlib.suppress(APIError):
        run.complete(server.base_url, max_retries=0)

    assert_unreported(budget)


@pytest.mark.parametrize("odd", [-1, math.nan, math.inf, 10**400, True, "x", [5]], ids=str)
def test_numbers_that_are_none_do_not_disturb_the_sums(odd):
    spend = Spend()
    usage = Usage(
        prompt_tokens=odd,
        completion_tokens=odd,
        cost=odd,
        prompt_tokens_details=PromptTokensDetails(cached_tokens=odd),
        completion_tokens_details=CompletionTokensDetails(reasoning_tokens=odd),
    )
    spend.add(Completion(model="m", usage=usage))

    assert spend.total == SpendEntry(calls=1, unreported_calls=1)
    assert str(spend)


def test_a_cost_beyond_all_measure_ends_the_run(run, scripted_openrouter):
    server = scripted_openrouter(costs(1e15))
    with Budget(1) as budget:
        run.complete(server.base_url)
        budget.add(Completion(usage=Usage(cost=1e308)))  # two of them are infinite
        with pytest.raises(BudgetExceededError):
            run.complete(server.base_url)

    assert budget.remaining == 0


def test_a_stream_that_is_left_counts_with_its_estimate(run, scripted_openrouter):
    server = scripted_openrouter(stream_reply([says("Pier "), Hold()], done=False))

    async def leave(client):
        async with client.stream(run.request) as stream:
            async for _ in stream:
                break

    with spending() as budget:
        run.scenario(server.base_url, leave)
    assert_unreported(budget)
    assert list(budget.entries) == [(MODEL, FACTS["provider"])]


def test_a_usage_before_the_finish_reason_is_that_of_the_response(run, scripted_openrouter):
    server = scripted_openrouter(stream_reply([says("2"), uses("A"), chunk({}, "stop")]))
    with track_spend() as spend:
        run.stream(server.base_url)

    assert (spend.total.cost, spend.total.unreported_calls) == (USAGE["cost"], 0)


def test_an_early_usage_is_not_that_of_a_stream_that_breaks(run, scripted_openrouter):
    usage = {"prompt_tokens": 10, "completion_tokens": 0, "cost": 0}
    script = [says("", usage=usage), says("Pier "), Close()]
    server = scripted_openrouter(stream_reply(script, done=False))
    with spending() as budget, pytest.raises(StreamInterruptedError):
        run.stream(server.base_url)

    assert_unreported(budget)


@pytest.mark.parametrize(
    "reply",
    [(Hold(),), (Status(200, JSON), Hold()), stream_reply([says("Pier "), Hold()], done=False)],
    ids=["before the headers", "before the body", "in the stream"],
)
def test_a_call_that_times_out_counts_with_its_estimate(run, scripted_openrouter, reply):
    with spending() as budget, pytest.raises(APITimeoutError):
        run.stream(scripted_openrouter(reply).base_url, timeout=0.1)

    assert_unreported(budget)


@pytest.mark.parametrize("run", ["async"], indirect=True)  # nothing cancels a synchronous call
def test_a_cancelled_call_counts_with_its_estimate(scripted_openrouter, run):
    server = scripted_openrouter((Hold(),))

    async def cancel(client):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.complete(run.request)

    with spending() as budget:
        run.scenario(server.base_url, cancel)
    assert_unreported(budget)
    assert list(budget.entries) == [(run.request.model, "")]


def test_each_try_of_a_call_counts_by_itself(run, scripted_openrouter):
    server = scripted_openrouter((Close(),), json_reply(error(503), 503), costs())
    with spending() as budget:
        run.complete(server.base_url)

    assert (budget.total.calls, budget.total.unreported_calls) == (2, 1)
    assert budget.spent == pytest.approx(ESTIMATE + COST)


def test_a_refused_connection_costs_nothing(run):
    with spending() as budget, pytest.raises(APIError):
        run.complete("http://127.0.0.1:1/api/v1", max_retries=0)

    assert budget.total == SpendEntry()


def test_a_connection_that_is_not_made_in_time_costs_nothing(run, deaf_port):
    with spending() as budget, pytest.raises(APITimeoutError):
        run.complete(deaf_port, max_retries=0, timeout=0.1)

    assert budget.total == SpendEntry()


def test_a_request_that_cannot_be_written_costs_nothing(run, scripted_openrouter):
    request = ChatRequest(messages=[{"role": "user", "content": object()}])
    with spending() as budget, pytest.raises(InvalidRequestError):
        run.complete(scripted_openrouter(costs()).base_url, request)

    assert budget.total == SpendEntry()


def test_an_unreported_call_costs_what_others_of_the_model_did(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.3), costs(0.1), (Close(),))
    with Budget(10) as budget, pytest.raises(APIError):
        ask(run, server, 3, max_retries=0)

    assert budget.total.cost == pytest.approx(0.4)
    assert budget.total.unreported == pytest.approx(0.2)


def test_an_estimate_that_was_charged_is_no_known_cost(run, scripted_openrouter):
    server = scripted_openrouter(UNREPORTED["no usage"], (Close(),), costs(0.1))
    with Budget(2, first_call=0.5):
        ask(run, server)
        with pytest.raises(APIError):
            ask(run, server, max_retries=0)
        with pytest.raises(BudgetExceededError) as caught:
            ask(run, server, 19)

    assert len(server.requests) == 12
    assert caught.value.estimate == pytest.approx(0.1)


def broken_off(cost):
    return stream_reply([says("Pier "), uses("B", {"cost": cost}), error(502)])


def next_estimate(run, server, calls):
    """What a further call is estimated at."""
    with Budget(10) as budget:
        for _ in range(calls):
            with contextlib.suppress(APIError):
                run.complete(server.base_url, max_retries=0)
        budget.limit = budget.spent * (1 + 1e-6)
        with pytest.raises(BudgetExceededError) as caught:
            run.complete(server.base_url)
    return caught.value.estimate


def test_a_cheap_response_that_broke_off_lowers_no_estimate(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.3), broken_off(0.01))
    assert next_estimate(run, server, 2) == pytest.approx(0.3)


def test_a_dear_response_that_broke_off_raises_the_estimate(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.1), broken_off(0.5))
    assert next_estimate(run, server, 2) == pytest.approx(0.5)


def test_a_free_response_lowers_no_estimate(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.3), costs(0))
    assert next_estimate(run, server, 2) == pytest.approx(0.3)


def test_tokens_without_a_cost_count_at_a_list_price(run, scripted_openrouter):
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 1_000_000}
    server = scripted_openrouter(json_reply(response_body({"content": "2"}, usage=usage)))
    with pytest.warns(UnreportedCostWarning), track_spend() as spend:
        run.complete(server.base_url)

    assert spend.total.unreported == pytest.approx(0.60 + 2.20)


def test_what_a_call_is_said_to_cost_wins_over_the_list_price(run, scripted_openrouter):
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 1_000_000}
    server = scripted_openrouter(json_reply(response_body({"content": "2"}, usage=usage)))
    with pytest.warns(UnreportedCostWarning), Budget(0.1, first_call=0) as budget:
        ask(run, server, 3)

    assert (budget.total.unreported_calls, budget.spent) == (3, 0)


def test_usage_without_a_cost_is_warned_of_once(run, scripted_openrouter):
    server = scripted_openrouter(WITHOUT_COST)
    with warnings.catch_warnings(record=True) as caught, Budget(1):
        warnings.simplefilter("always")
        for _ in range(3):
            run.complete(server.base_url)

    assert [warning.category for warning in caught] == [UnreportedCostWarning]
    assert "first_call" in str(caught[0].message)


def test_usage_without_a_cost_is_no_matter_where_nothing_is_summed(run, scripted_openrouter):
    run.complete(scripted_openrouter(WITHOUT_COST).base_url)  # warnings are errors


def test_unreported_calls_are_shown_apart():
    entry = SpendEntry(2, 1200, 340, 900, 300, 0.00123, 1, 0.0004)

    assert str(entry).startswith("0.001230 USD, 2 calls")
    assert str(entry).endswith(", unreported: about 0.000400 USD for 1 call")


def test_the_error_says_how_much_of_what_is_spent_is_estimated(run, scripted_openrouter):
    server = scripted_openrouter((Close(),))
    with Budget(0.3, first_call=0.2), pytest.raises(BudgetExceededError) as caught:
        run.complete(server.base_url)

    assert "(0.200000 of them estimated, because the cost was not reported)" in str(caught.value)
    assert caught.value.spent == 0.2


@pytest.mark.parametrize(
    ("prompt", "limits", "least", "most"),
    [
        ("Hello", {}, 0.008, 0.012),
        ("Hello", {"max_tokens": 2000}, 0.004, 0.006),
        ("Hello", {"max_completion_tokens": 2000}, 0.004, 0.006),
        ("Hello", {"max_tokens": 100_000}, 0.008, 0.012),
        ("word " * 100_000, {"max_tokens": 2000}, 0.06, 0.12),
    ],
    ids=["short", "limited", "limited otherwise", "hardly limited", "long"],
)
def test_a_first_call_is_guessed_from_the_request(
    run, scripted_openrouter, prompt, limits, least, most
):
    request = ChatRequest(messages=[{"role": "user", "content": prompt}], **limits)
    with track_spend() as spend, pytest.raises(APIError):
        run.complete(scripted_openrouter((Close(),)).base_url, request, max_retries=0)

    assert least < spend.total.unreported < most


@pytest.mark.parametrize("content", [["text"], [{"type": "text", "text": 5}], {"text": ""}, 5])
def test_odd_messages_can_be_guessed(run, scripted_openrouter, content):
    request = ChatRequest(messages=[{"role": "user", "content": content}])
    with Budget(1) as budget:
        run.complete(scripted_openrouter(costs()).base_url, request)

    assert budget.spent == COST


def test_a_guess_refuses_no_call_that_is_alone(run, scripted_openrouter):
    server = scripted_openrouter(costs(0.0001))
    with Budget(0.001) as budget, pytest.raises(BudgetExceededError):
        ask(run, server, 30)

    assert len(server.requests) == 10
    assert budget.spent == pytest.approx(budget.limit)


def side_by_side(run, calls):
    """What came of calls that start at the same time."""

    async def ask(client):
        if run.mode == "sync":
            tasks = [asyncio.to_thread(client.inner.complete, run.request) for _ in range(calls)]
        else:
            tasks = [client.complete(run.request) for _ in range(calls)]
        return await asyncio.gather(*tasks, return_exceptions=True)

    return ask


def test_first_calls_side_by_side_do_not_spend_the_limit_many_times(run, scripted_openrouter):
    server = scripted_openrouter(costs())
    with Budget(0.02) as budget:
        outcomes = run.scenario(server.base_url, side_by_side(run, 100))

    refused = [outcome for outcome in outcomes if isinstance(outcome, BudgetExceededError)]
    assert refused
    assert len(server.requests) * COST <= budget.limit


def test_a_guess_that_refuses_a_call_says_how_to_replace_it(run, scripted_openrouter):
    server = scripted_openrouter(stream_reply([says("Pier "), Hold()], done=False))

    async def ask_beside_a_stream(client):
        async with client.stream(run.request):
            await client.complete(run.request)

    with Budget(0.01), pytest.raises(BudgetExceededError, match="first_call"):
        run.scenario(server.base_url, ask_beside_a_stream)


def test_a_run_without_any_cost_comes_to_an_end(run, scripted_openrouter):
    server = scripted_openrouter(WITHOUT_COST)
    with spending(), Budget(0.05), pytest.raises(BudgetExceededError):
        ask(run, server, 60)

    assert len(server.requests) <= 6


REPLIES = {
    **{name: (reply, COST) for name, reply in UNREPORTED.items()},
    **{f"cost {written}": (says_of_cost(written), COST) for written in NO_COST},
    **{name: (reply, 0.0) for name, reply in REFUSED.items()},
    "whole": (costs(), COST),
    "whole stream": (stream_reply([says("2"), uses("C", {"cost": COST})]), COST),
    "no cost": (WITHOUT_COST, COST),
    "broken after its usage": (broken_off(COST), COST),
    "left": (stream_reply([says("Leave."), Hold()], done=False), COST),
    "cancelled": (stream_reply([says("Be cancelled."), Hold()], done=False), COST),
    "left before its usage": (stream_reply([says("Leave."), uses("C", {"cost": COST})]), COST),
    "silent": ((Hold(),), COST),
}
"""What the server answers, and what it bills for that."""


async def call_as_told(client, request):
    """Make a call that ends as the answer says."""
    with contextlib.suppress(APIError, BudgetExceededError, asyncio.CancelledError):
        async with client.stream(request) as stream:
            async for delta in stream:
                if delta.text == "Be cancelled.":
                    asyncio.current_task().cancel()
                    await asyncio.sleep(0)
                if delta.text == "Leave.":
                    return


def rounds_of_calls(run, width, calls):
    """Make so many calls, `width` at a time."""

    async def ask(client):
        def one():
            call = call_as_told(client, run.request)
            return asyncio.to_thread(asyncio.run, call) if run.mode == "sync" else call

        for _ in range(calls // width):
            await asyncio.gather(*(one() for _ in range(width)))

    return ask


@pytest.mark.filterwarnings("ignore::glm_openrouter.UnreportedCostWarning")
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.sampled_from(sorted(REPLIES)), min_size=16, max_size=32),
    width=st.integers(1, 6),
    limit=st.sampled_from([0.012, 0.03, 0.06, 0.1]),
    first_call=st.sampled_from([None, COST]),
)
def test_no_sequence_of_outcomes_passes_the_limit(run, names, width, limit, first_call):
    script = [REPLIES[name][0] for name in names]
    budget = Budget(limit, first_call=first_call)
    with ScriptedServer(script, repeat_last=False) as server, budget:
        run.scenario(server.base_url, rounds_of_calls(run, width, 24), timeout=0.1)
        budget.limit = 0
        with pytest.raises(BudgetExceededError) as caught:
            run.complete(server.base_url)
    bill = sum(REPLIES[name][1] for name in names[: len(server.requests)])
    total = budget.total

    most = limit if first_call else limit + COST  # a guess lets a call through that is alone
    assert bill <= most + 1e-9
    assert bill <= budget.spent + 1e-9
    assert total.cost == pytest.approx((total.calls - total.unreported_calls) * COST)
    assert "in flight" not in str(caught.value)

"""What was spent is summed up, by model and provider, wherever the requests were made."""

import asyncio
import contextlib
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from glm_openrouter import (
    APIError,
    ChatRequest,
    Client,
    Completion,
    InternalServerError,
    Spend,
    SpendEntry,
    StreamInterruptedError,
    Usage,
    track_spend,
)
from glm_openrouter.spending.ledger import PlannedCall
from glm_openrouter.testing import Close, bytes_reply, json_reply, stream_reply
from support.exchanges import EXCHANGES
from support.wire import FACTS, USAGE, error, finishes, response_body, says, uses

KEY = (FACTS["model"], FACTS["provider"])
ANSWER = json_reply(response_body({"content": "Pier two."}))
STREAMED_ANSWER = stream_reply([says("Pier "), says("two."), finishes(), uses("B")])

both = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])


def answer(cost, model="z-ai/glm-4.6", provider="Z.AI", **usage):
    return json_reply(
        {
            **response_body({"content": "2"}, usage={"cost": cost, **usage}),
            "model": model,
            "provider": provider,
        }
    )


@both
def test_the_sums_hold_what_the_usage_says(run, scripted_openrouter, streamed):
    server = scripted_openrouter(STREAMED_ANSWER if streamed else ANSWER)
    with track_spend() as spend:
        run.either(streamed, server.base_url)

    assert spend.entries == {
        KEY: SpendEntry(
            calls=1,
            prompt_tokens=USAGE["prompt_tokens"],
            completion_tokens=USAGE["completion_tokens"],
            cached_tokens=USAGE["prompt_tokens_details"]["cached_tokens"],
            reasoning_tokens=USAGE["completion_tokens_details"]["reasoning_tokens"],
            cost=USAGE["cost"],
        )
    }
    assert spend.total == spend.entries[KEY]


def test_models_and_providers_have_sums_of_their_own(run, scripted_openrouter):
    server = scripted_openrouter(
        answer(0.1), answer(0.2, provider="Novita"), answer(0.4, model="z-ai/glm-5"), answer(0.8)
    )
    with track_spend() as spend:
        for _ in range(4):
            run.complete(server.base_url)

    assert {key: (entry.calls, entry.cost) for key, entry in spend.entries.items()} == {
        ("z-ai/glm-4.6", "Z.AI"): (2, 0.9),
        ("z-ai/glm-4.6", "Novita"): (1, 0.2),
        ("z-ai/glm-5", "Z.AI"): (1, 0.4),
    }
    assert spend.total.calls == 4
    assert spend.total.cost == pytest.approx(1.5)


def test_a_response_without_usage_counts_as_a_call(run, scripted_openrouter):
    with track_spend() as spend:
        run.complete(
            scripted_openrouter(json_reply(response_body({"content": "2"}, usage=None))).base_url
        )

    assert (spend.total.calls, spend.total.unreported_calls) == (1, 1)
    assert spend.total.cost == 0


def test_what_is_made_outside_the_block_does_not_count(run, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    run.complete(server.base_url)
    with track_spend() as spend:
        pass
    run.complete(server.base_url)

    assert spend.entries == {}


def test_a_block_inside_a_block_counts_for_both(run, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    with track_spend() as outer:
        run.complete(server.base_url)
        with track_spend() as inner:
            run.complete(server.base_url)

    assert (outer.total.calls, inner.total.calls) == (2, 1)


def test_a_stream_belongs_to_the_block_that_it_was_started_in(run, scripted_openrouter):
    server = scripted_openrouter(STREAMED_ANSWER)

    async def read_outside(client):
        with track_spend() as spend:
            context = client.stream(run.request)
            stream = await context.__aenter__()
        async for _ in stream:
            pass
        await context.__aexit__(None, None, None)
        return spend.total

    assert run.scenario(server.base_url, read_outside).cost == USAGE["cost"]


def test_a_failed_request_costs_nothing(run, scripted_openrouter):
    with track_spend() as spend, pytest.raises(InternalServerError):
        run.complete(scripted_openrouter(json_reply(error(503), 503)).base_url, max_retries=0)

    assert spend.total == SpendEntry()


def test_a_broken_stream_whose_usage_came_counts(run, scripted_openrouter):
    script = stream_reply([says("Pier "), uses("B"), error(502, "Gone")])
    with track_spend() as spend, pytest.raises(APIError) as caught:
        run.stream(scripted_openrouter(script).base_url)

    assert caught.value.usage.cost == USAGE["cost"]
    assert spend.total.cost == USAGE["cost"]


def test_a_connection_that_breaks_after_the_usage_counts(run, scripted_openrouter):
    script = stream_reply([says("Pier "), uses("B"), Close()], done=False)
    with track_spend() as spend, pytest.raises(StreamInterruptedError):
        run.stream(scripted_openrouter(script).base_url)

    assert spend.total.cost == USAGE["cost"]


def test_a_try_that_was_billed_counts_beside_the_one_that_succeeded(run, scripted_openrouter):
    billed = json_reply({**error(502, "Gone"), **FACTS, "usage": USAGE})
    server = scripted_openrouter(billed, ANSWER)
    with track_spend() as spend:
        run.complete(server.base_url)

    assert spend.total.cost == pytest.approx(2 * USAGE["cost"])


def test_tasks_of_the_block_count(run, offline_openrouter):
    async def ask_at_once(client):
        await asyncio.gather(*(client.complete(run.request) for _ in range(20)))

    with track_spend() as spend:
        run.scenario(offline_openrouter.base_url, ask_at_once)
    assert spend.total.calls == 20


def ask(base_url):
    request = ChatRequest(messages=[{"role": "user", "content": "1 + 1?"}])
    with Client(base_url=base_url, api_key="sk-or-v1-of-a-test") as client:
        client.complete(request)


def test_a_thread_with_a_context_of_its_own_enters_the_same_object(scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    with track_spend() as spend:

        def work():
            with spend:
                ask(server.base_url)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert spend.total.calls == 8
    assert spend.total.cost == pytest.approx(8 * USAGE["cost"])


def test_threads_started_by_asyncio_count_by_themselves(scripted_openrouter):
    server = scripted_openrouter(ANSWER)

    async def ask_in_threads():
        await asyncio.gather(*(asyncio.to_thread(ask, server.base_url) for _ in range(4)))

    with track_spend() as spend:
        asyncio.run(ask_in_threads())
    assert spend.total.calls == 4


def test_a_block_that_is_entered_twice_counts_once(run, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    with track_spend() as spend:
        with spend:
            run.complete(server.base_url)
        run.complete(server.base_url)
    run.complete(server.base_url)

    assert spend.total.calls == 2


def test_no_sum_is_lost_between_threads():
    spend = Spend()
    completion = Completion(model="m", provider="p", usage=Usage(prompt_tokens=1, cost=0.5))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: [spend.add(completion) for _ in range(500)], range(8)))
    assert spend.total == SpendEntry(calls=4000, prompt_tokens=4000, cost=2000.0)


def test_what_is_reserved_adds_up_to_nothing_once_all_calls_are_over():
    spend = Spend()
    amounts = [0.1, 0.2, 0.3, sys.float_info.max]
    for number, amount in enumerate(amounts):
        spend.reserve(number, PlannedCall("m", [], estimate=amount))
    with spend.committed() as committed:
        assert committed > 1e9
    spend.settle(3, None)
    with spend.committed() as committed:
        assert committed == 0.6
    spend.reserve(0, PlannedCall("m", [], estimate=0.4))  # the same call again
    with spend.committed() as committed:
        assert committed == 0.9
    for number in range(3):
        spend.settle(number, None)
    with spend.committed() as committed:
        assert committed == 0


def test_the_cache_hit_rate_is_the_part_of_the_prompt_that_was_cached():
    assert SpendEntry(prompt_tokens=400, cached_tokens=300).cache_hit_rate == 0.75
    assert SpendEntry().cache_hit_rate == 0.0


def test_it_can_be_read():
    spend = Spend()
    spend.entries[KEY] = SpendEntry(2, 1200, 340, 900, 300, 0.00123)

    expected = "0.001230 USD, 2 calls, 1,200 prompt tokens (75% cached), 340 completion tokens (300 of reasoning)"
    assert str(spend) == f"{KEY[0]} at {KEY[1]}: {expected}\nTotal: {expected}"


@pytest.mark.filterwarnings("ignore:The answer is empty", "ignore:A response has usage")
def test_the_sums_agree_with_the_costs_of_the_responses(run, scripted_openrouter):
    costs = [
        float(reported[-1])
        for exchange in EXCHANGES.values()
        if (reported := re.findall(rb'"cost": ?([\d.e-]+)', exchange.body))
    ]
    with track_spend() as spend:
        for exchange in EXCHANGES.values():
            headers = {"content-type": exchange.content_type}
            reply = bytes_reply(exchange.body, status=exchange.status, headers=headers)
            with contextlib.suppress(APIError):
                base_url = scripted_openrouter(reply).base_url
                run.either(exchange.is_stream, base_url, max_retries=0)

    assert spend.total.cost == pytest.approx(sum(costs))
    assert spend.total.cost > 0

"""A journal keeps each paid answer, and gives it out again for the same request of the same row."""

import asyncio
import pickle
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from copy import deepcopy

import msgspec
import pytest

from glm_openrouter import (
    APIError,
    Budget,
    ChatRequest,
    Client,
    InternalServerError,
    InvalidRequestError,
    Journal,
    OtherJobError,
    track_spend,
)
from glm_openrouter.testing import Close, bytes_reply, json_reply, stream_reply
from support.samples import ANSWER_WITH_EVERYTHING, KEY, PROMPT, REQUEST, TOOLS
from support.wire import call, calls, error, finishes, says, uses

ANSWER = stream_reply([says("Pier "), says("two."), finishes(), uses("B")])
OTHER_ANSWER = stream_reply([says("Pier three."), finishes(), uses("B")])


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "answers.db") as journal:
        yield journal


@pytest.fixture(params=["file", pytest.param("redis", marks=pytest.mark.redis)])
def any_journal(request, tmp_path):
    """A journal in a file, and one in a Redis."""
    address = tmp_path / "answers.db"
    if request.param == "redis":
        address = request.getfixturevalue("redis_server").url
    with Journal(address) as journal:
        yield journal


def asking(**more):
    return ChatRequest(messages=[{"role": "user", "content": PROMPT}], **more)


def in_row(journal, run, server, request=REQUEST, *, row=1, attempt=0, streamed=False, **options):
    with journal.row(row, attempt):
        return run.either(streamed, server.base_url, request, **options)


@pytest.mark.parametrize("replay_streams", [False, True], ids=["replay-whole", "replay-streams"])
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_an_answer_is_replayed_and_nothing_sent(
    any_journal, run, scripted_openrouter, streamed, replay_streams
):
    server = scripted_openrouter(bytes_reply(ANSWER_WITH_EVERYTHING))
    request = asking(tools=TOOLS)
    first = in_row(any_journal, run, server, request, streamed=streamed)
    again = in_row(any_journal, run, server, request, streamed=replay_streams)

    assert len(server.requests) == 1
    assert (first.replayed, again.replayed) == (False, True)
    assert msgspec.structs.replace(again, replayed=False) == first
    assert again.metadata()["replayed"] is True
    assert "replayed" not in first.metadata()


def test_the_increment_of_a_replay_is_the_whole_answer(journal, run, scripted_openrouter):
    server = scripted_openrouter(bytes_reply(ANSWER_WITH_EVERYTHING))
    for _ in range(2):
        with journal.row(1):
            deltas, completion = run.stream(server.base_url, asking(tools=TOOLS))

    (delta,) = deltas
    assert (delta.text, delta.reasoning) == (completion.text, completion.reasoning)
    assert [(made.index, made.id, made.name, made.arguments) for made in delta.tool_calls] == [
        (at, made.id, made.name, made.arguments) for at, made in enumerate(completion.tool_calls)
    ]


def test_another_row_another_try_or_another_request_is_asked_anew(
    journal, run, scripted_openrouter
):
    server = scripted_openrouter(ANSWER)
    in_row(journal, run, server)

    assert not in_row(journal, run, server, row=2).replayed
    assert not in_row(journal, run, server, attempt=1).replayed
    assert not in_row(journal, run, server, asking(temperature=0.5)).replayed
    assert in_row(journal, run, server, row="1").replayed


@pytest.mark.parametrize(
    "changed",
    [
        {"session_id": "another-run"},
        {"user": "another-user"},
        {"trace": {"trace_id": "another-trace"}},
        {"request_metadata": {"run": "another"}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_changes_from_run_to_run_makes_no_other_request(
    journal, run, scripted_openrouter, changed
):
    server = scripted_openrouter(ANSWER)
    in_row(journal, run, server)
    assert in_row(journal, run, server, asking(**changed)).replayed


def test_the_pin_of_a_provider_makes_no_other_request(journal, run, scripted_openrouter):
    server = scripted_openrouter(ANSWER)

    async def ask_twice(client):
        with journal.row(1):
            await client.complete(REQUEST)
        with journal.row(1):
            return await client.complete(REQUEST)

    assert run.scenario(server.base_url, ask_twice, pin_provider=True).replayed


def test_equal_requests_of_a_row_have_an_answer_each(any_journal, run, scripted_openrouter):
    server = scripted_openrouter(ANSWER, OTHER_ANSWER)

    async def ask_twice(client):
        with any_journal.row(1):
            return [(await client.complete(REQUEST)).text for _ in range(2)]

    first = run.scenario(server.base_url, ask_twice)
    again = run.scenario(server.base_url, ask_twice)
    assert first == again == ["Pier two.", "Pier three."]
    assert len(server.requests) == 2


def test_a_request_that_failed_leaves_its_place_to_the_next(journal, run, scripted_openrouter):
    server = scripted_openrouter(json_reply(error(503), 503), ANSWER)

    async def ask_until_it_works(client):
        with journal.row(1):
            with pytest.raises(InternalServerError):
                await client.complete(REQUEST)
            await client.complete(REQUEST)

    run.scenario(server.base_url, ask_until_it_works, max_retries=0)
    assert in_row(journal, run, server).replayed


@pytest.mark.parametrize("how", ["error", "cut", "filtered"])
def test_what_is_no_whole_answer_is_not_kept(journal, run, scripted_openrouter, how):
    broken = {
        "error": json_reply(error(400), 400),
        "cut": stream_reply([says("Pier "), Close()]),
        "filtered": stream_reply([says("Pier "), finishes("content_filter"), uses("B")]),
    }
    server = scripted_openrouter(broken[how], ANSWER)
    for _ in range(2):
        try:
            answer = in_row(journal, run, server, max_retries=0)
        except APIError:
            continue
    assert (len(server.requests), answer.replayed) == (2, False)


def test_a_stream_that_is_left_is_not_kept(journal, run, scripted_openrouter):
    server = scripted_openrouter(ANSWER)

    async def leave(client):
        with journal.row(1):
            async with client.stream(REQUEST) as stream:
                async for _ in stream:
                    break

    run.scenario(server.base_url, leave)
    assert not in_row(journal, run, server).replayed


def test_an_answer_of_max_tokens_is_kept(journal, run, scripted_openrouter):
    server = scripted_openrouter(stream_reply([says("Pier"), finishes("length"), uses("B")]))
    in_row(journal, run, server)
    assert in_row(journal, run, server).finish_reason == "length"
    assert len(server.requests) == 1


def test_an_answer_that_only_the_balance_cut_is_not_kept(journal, run, scripted_openrouter):
    cut = stream_reply([says("Pier"), finishes("length"), uses("B")])
    message = "This request requires more credits. You requested up to 8000 tokens, but can only afford 1200."
    server = scripted_openrouter(json_reply(error(402, message), 402), cut, ANSWER)

    first = in_row(journal, run, server, retry_affordable=True)
    assert first.adjustments
    assert in_row(journal, run, server).text == "Pier two."


def test_replays_cost_nothing_and_are_counted(journal, run, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    in_row(journal, run, server)
    with track_spend() as spend, Budget(0) as budget:
        answer = in_row(journal, run, server)

    assert (spend.total.calls, spend.total.cost, spend.total.replayed) == (0, 0, 1)
    assert (budget.spent, budget.total.replayed) == (0, 1)
    assert "1 replayed from a journal" in str(spend)
    assert answer.usage.cost > 0


def test_nothing_is_kept_outside_of_a_row(journal, run, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    in_row(journal, run, server)
    assert not run.complete(server.base_url).replayed


def test_threads_of_a_row_share_its_numbers(any_journal, scripted_openrouter):
    server = scripted_openrouter(ANSWER)

    def ask_in_threads():
        with Client(base_url=server.base_url, api_key=KEY) as client, any_journal.row(1):
            contexts = [copy_context() for _ in range(8)]
            with ThreadPoolExecutor(8) as pool:
                asked = [pool.submit(one.run, client.complete, REQUEST) for one in contexts]
            return [future.result().replayed for future in asked]

    assert ask_in_threads() == [False] * 8
    assert ask_in_threads() == [True] * 8


def test_two_event_loops_share_a_journal(any_journal, scripted_openrouter, run):
    server = scripted_openrouter(ANSWER)
    in_row(any_journal, run, server)
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(in_row, any_journal, run, server) for _ in range(2)]
    assert [future.result().replayed for future in asked] == [True, True]


@pytest.mark.parametrize("copy", [deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_copies_and_pickles_are_the_same_journal(
    journal, run, scripted_openrouter, copy, tmp_path, monkeypatch
):
    server = scripted_openrouter(ANSWER)
    monkeypatch.chdir(tmp_path)
    with Journal("answers.db") as named:
        in_row(named, run, server)
        monkeypatch.chdir("/")
        with copy(named) as other:
            assert in_row(other, run, server).replayed


def test_vectors_and_orders_are_kept(any_journal, run, offline_openrouter):
    async def ask(client):
        with any_journal.row(1), track_spend() as spend:
            inner = client.inner
            texts = ["a pier", "a quay", "a berth"]
            vectors, order = inner.embed(texts, batch_size=2), inner.rerank("a pier", texts)
            if asyncio.iscoroutine(vectors):
                vectors, order = await vectors, await order
        return vectors.vectors, order.documents, spend.total

    first = run.scenario(offline_openrouter.base_url, ask)
    sent = len(offline_openrouter.requests)
    again = run.scenario(offline_openrouter.base_url, ask)

    assert len(offline_openrouter.requests) == sent == 3
    assert first[:2] == again[:2]
    assert (again[2].calls, again[2].replayed, again[2].cost) == (0, 3, 0)


def test_a_call_that_must_not_run_is_replayed_as_one(journal, run, scripted_openrouter):
    server = scripted_openrouter(
        stream_reply([calls(call("tide", '{"at": ', 0, "call_1")), finishes("tool_calls")])
    )
    in_row(journal, run, server, asking(tools=TOOLS))
    (replayed,) = in_row(journal, run, server, asking(tools=TOOLS)).tool_calls
    assert replayed.error
    assert replayed.parsed is None


def test_a_job_is_checked_by_its_fingerprint(any_journal):
    any_journal.check_job("labels, v1")
    any_journal.check_job("labels, v1")
    with pytest.raises(OtherJobError, match=r"labels, v1.*Give this job a journal of its own"):
        any_journal.check_job("labels, v2")


@pytest.mark.parametrize("row", [None, "", "\ud800"])
def test_an_id_that_names_no_row_is_refused(journal, row):
    with pytest.raises(InvalidRequestError, match="id of a row"):
        journal.row(row)


@pytest.mark.parametrize("attempt", [-1, True, 1.5])
def test_an_attempt_that_is_no_number_is_refused(journal, attempt):
    with pytest.raises(InvalidRequestError, match="attempt"):
        journal.row(1, attempt)

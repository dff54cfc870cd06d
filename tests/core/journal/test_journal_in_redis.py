"""A journal in a real Redis: who shares it, how long it lasts, and what is said where it does not answer."""

import asyncio
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from glm_openrouter import (
    AsyncClient,
    InvalidRequestError,
    Journal,
    StoreError,
    UnreadableEntryWarning,
)
from glm_openrouter.testing import stream_reply
from support.redis_server import running_redis
from support.samples import KEY, REQUEST
from support.wire import finishes, says, uses

pytestmark = pytest.mark.redis

ANSWER = stream_reply([says("Pier two."), finishes(), uses("B")])
NOWHERE = "redis://:secret@127.0.0.1:1/0"


def ask(run, server, journal, row=1):
    with journal.row(row):
        return run.complete(server.base_url)


def test_a_pickle_finds_the_same_answers(run, scripted_openrouter, redis_server):
    server = scripted_openrouter(ANSWER)
    with Journal(f"{redis_server.unix_url}#named") as journal:
        ask(run, server, journal)
        with pickle.loads(pickle.dumps(journal)) as other:
            assert ask(run, server, other).replayed


def test_journals_of_two_names_share_nothing(run, scripted_openrouter, redis_server):
    server = scripted_openrouter(ANSWER)
    with Journal(f"{redis_server.url}#one") as one, Journal(f"{redis_server.url}#two") as two:
        ask(run, server, one)
        one.check_job("first")
        two.check_job("second")
        assert not ask(run, server, two).replayed
        assert ask(run, server, one).replayed


@pytest.mark.parametrize(("told", "seconds"), [(None, 604_800), (60, 60)])
def test_an_answer_expires(run, scripted_openrouter, redis_server, told, seconds):
    with Journal(redis_server.url, expire_after=told) as journal:
        ask(run, scripted_openrouter(ANSWER), journal)
        with pickle.loads(pickle.dumps(journal)) as other:
            ask(run, scripted_openrouter(ANSWER), other, row=2)
    names = redis_server.ask("KEYS", "*").split()[2::2]
    lives = [int(redis_server.ask("TTL", name).strip(":\r\n")) for name in names]
    assert [seconds - 5 < life <= seconds for life in lives] == [True, True]


def test_more_calls_than_connections_wait_for_one(scripted_openrouter, redis_server):
    server = scripted_openrouter(ANSWER)

    async def ask_many():
        async with (
            AsyncClient(base_url=server.base_url, api_key=KEY) as client,
            Journal(redis_server.url) as journal,
        ):

            async def ask_one(row):
                with journal.row(row):
                    return (await client.complete(REQUEST)).replayed

            return await asyncio.gather(*map(ask_one, range(150)))

    assert asyncio.run(ask_many()) == [False] * 150
    assert asyncio.run(ask_many()) == [True] * 150


def test_event_loops_in_threads_have_connections_of_their_own(scripted_openrouter, redis_server):
    server = scripted_openrouter(ANSWER)
    journal = Journal(redis_server.url)

    async def ask_one(row):
        async with AsyncClient(base_url=server.base_url, api_key=KEY) as client:
            with journal.row(row):
                return (await client.complete(REQUEST)).replayed

    with ThreadPoolExecutor(4) as pool:
        first = list(pool.map(lambda row: asyncio.run(ask_one(row)), range(8)))
        again = list(pool.map(lambda row: asyncio.run(ask_one(row)), range(8)))
    assert (first, again) == ([False] * 8, [True] * 8)


def test_a_cancelled_call_whose_answer_is_there_keeps_it(scripted_openrouter, redis_server, run):
    server = scripted_openrouter(ANSWER)

    async def cancel_while_it_is_kept(client, journal):
        keep = journal._store._put

        async def cancel_and_keep(*entry):
            asking.cancel()
            await keep(*entry)
            kept.set()

        journal._store._put, kept = cancel_and_keep, asyncio.Event()
        with journal.row(1):
            asking = asyncio.create_task(client.complete(REQUEST))
        with pytest.raises(asyncio.CancelledError):
            await asking
        await kept.wait()

    async def main():
        async with (
            AsyncClient(base_url=server.base_url, api_key=KEY) as client,
            Journal(redis_server.url) as journal,
        ):
            await cancel_while_it_is_kept(client, journal)

    asyncio.run(main())
    with Journal(redis_server.url) as journal:
        assert ask(run, server, journal).replayed


def test_a_foreign_value_is_warned_of_and_asked_again(run, scripted_openrouter, redis_server):
    server = scripted_openrouter(ANSWER)
    with Journal(redis_server.url) as journal:
        ask(run, server, journal)
        name = redis_server.ask("KEYS", "*").split()[2]
        redis_server.ask("SET", name, "foreign")
        with pytest.warns(UnreadableEntryWarning):
            assert not ask(run, server, journal).replayed
        assert ask(run, server, journal).replayed


def test_a_redis_that_is_away_is_an_error_before_anything_is_sent(run, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    journal = Journal(NOWHERE)
    with pytest.raises(StoreError, match=r"cannot be read: .*Check that the Redis at") as caught:
        ask(run, server, journal)
    with pytest.raises(StoreError, match="job of the journal cannot be checked"):
        journal.check_job("labels")
    assert server.requests == []
    assert "secret" not in f"{caught.value!r} {journal!r}"


def test_a_redis_that_ends_in_between_costs_an_answer_and_says_so(
    run, scripted_openrouter, tmp_path
):
    with running_redis(tmp_path) as redis:
        journal = Journal(redis.url)

        async def ask_while_it_ends(client):
            with journal.row(1):
                async with client.stream(REQUEST) as stream:
                    redis.stop()
                    with pytest.raises(StoreError, match="an answer that was paid is lost"):
                        _ = [delta async for delta in stream]

        run.scenario(scripted_openrouter(ANSWER).base_url, ask_while_it_ends)
        journal.close()


@pytest.mark.parametrize("address", ["", 5, "postgres://host", "redis://host:port/0"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(InvalidRequestError):
        Journal(address)


@pytest.mark.parametrize("seconds", [0, -1, True, "7", float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(seconds):
    with pytest.raises(InvalidRequestError, match="expire_after"):
        Journal(NOWHERE, expire_after=seconds)


def test_a_file_does_not_expire(tmp_path):
    with pytest.raises(InvalidRequestError, match="a file forgets no answer"):
        Journal(tmp_path / "answers.db", expire_after=60)

"""Rows are answered as many at a time as there is room for, and whatever ends a run ends all of it."""

import asyncio
import gc
import itertools
from contextlib import contextmanager
from contextvars import ContextVar

import pytest
from langchain_core.prompts import ChatPromptTemplate

from glm_openrouter import (
    AsyncClient,
    AuthenticationError,
    Budget,
    BudgetExceededError,
    ChatRequest,
    InvalidRequestError,
    Pace,
    PaymentRequiredError,
    track_spend,
)
from glm_openrouter.batch import run as run_batch
from glm_openrouter.testing import error_reply, json_reply, text_reply
from langchain_glm import ChatGLM
from support.replies import ANSWER
from support.samples import KEY
from support.wire import error


def rows(count):
    return [{"id": number, "text": f"{number} boats"} for number in range(count)]


async def text_of(row):
    return row["text"]


class Gate:
    """A call that lets rows through when it is told to."""

    def __init__(self):
        self.begun = []
        self.ended = []
        self.cancelled = []
        self._open = asyncio.Event()

    async def __call__(self, row):
        self.begun.append(row["id"])
        try:
            await self._open.wait()
        except asyncio.CancelledError:
            self.cancelled.append(row["id"])
            raise
        self.ended.append(row["id"])
        return row["text"]

    def open(self):
        self._open.set()


async def cycles(count=20):
    """Let whatever can go on do so."""
    for _ in range(count):
        await asyncio.sleep(0)


async def read(answers, into):
    async for row in answers:
        into.append(row)


def other_tasks():
    return asyncio.all_tasks() - {asyncio.current_task()}


@pytest.fixture
def asker(scripted_openrouter):
    """A function that starts a server with replies and returns it with a call that asks it."""

    def start(*replies, **options):
        server = scripted_openrouter(*replies)
        client = AsyncClient(api_key=KEY, base_url=server.base_url, **options)

        async def call(row):
            request = ChatRequest(messages=[{"role": "user", "content": row["text"]}])
            return (await client.complete(request)).text

        return server, call

    return start


async def test_a_row_comes_back_with_its_answer():
    answers = [row async for row in run_batch(rows(2), text_of)]

    assert sorted(answers, key=lambda row: row["id"]) == [
        {"id": 0, "text": "0 boats", "answer": "0 boats", "error": None, "cost": 0.0},
        {"id": 1, "text": "1 boats", "answer": "1 boats", "error": None, "cost": 0.0},
    ]


async def test_a_row_that_fails_is_one_with_an_error():
    async def call(row):
        return 6 / row["id"]

    answers = {row["id"]: row async for row in run_batch(rows(3), call)}

    assert answers[0]["answer"] is None
    assert answers[0]["error"]["type"] == "ZeroDivisionError"
    assert (answers[1]["answer"], answers[2]["answer"]) == (6, 3)


async def test_a_call_that_cancels_itself_is_a_row_that_fails():
    async def call(row):
        raise asyncio.CancelledError

    answers = [row async for row in run_batch(rows(2), call)]

    assert [row["error"]["type"] for row in answers] == ["CancelledError"] * 2


async def test_rows_come_back_in_the_order_in_which_they_are_done():
    first = asyncio.Event()

    async def call(row):
        if row["id"] == 0:
            await first.wait()

    answers = run_batch(rows(3), call)
    done = [(await anext(answers))["id"], (await anext(answers))["id"]]
    first.set()
    assert sorted(done) == [1, 2]
    assert (await anext(answers))["id"] == 0


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_rows_are_taken_only_when_there_is_room(asynchronous):
    taken = []

    def endless():
        for number in itertools.count():
            taken.append(number)
            yield {"id": number, "text": ""}

    async def endless_async():
        for row in endless():
            yield row

    source = endless_async() if asynchronous else endless()
    async with run_batch(source, text_of, in_flight=3) as answers:
        await anext(answers)
        await cycles(30)
        assert len(taken) == 4  # one has been given out
        await anext(answers)
        await cycles(30)
        assert len(taken) == 5


async def test_a_slow_source_does_not_keep_answers_back():
    asked = asyncio.Event()

    async def slow():
        yield {"id": 1, "text": "one"}
        await asked.wait()
        yield {"id": 2, "text": "two"}

    answers = run_batch(slow(), text_of)
    assert (await anext(answers))["answer"] == "one"
    asked.set()
    assert [row["answer"] async for row in answers] == ["two"]


async def test_no_more_rows_are_under_way_than_asked_for():
    gate = Gate()
    async with run_batch(rows(10), gate, in_flight=4) as answers:
        waiting = asyncio.create_task(anext(answers))
        await cycles(30)
        assert gate.begun == [0, 1, 2, 3]
        gate.open()
        await waiting


async def test_each_row_has_a_context_of_its_own():
    seen = []
    variable = ContextVar("variable", default=None)
    variable.set("around")

    async def call(row):
        seen.append(variable.get())
        variable.set(row["id"])

    async for _ in run_batch(rows(3), call):
        assert variable.get() == "around"
    assert seen == ["around"] * 3


async def test_leaving_the_loop_cancels_what_is_under_way():
    gate = Gate()

    async def call(row):
        return "first" if row["id"] == 0 else await gate(row)

    async for row in run_batch(rows(10), call, in_flight=4):
        assert row["answer"] == "first"
        break
    await cycles()
    assert sorted(gate.cancelled) == sorted(gate.begun) != []
    assert other_tasks() == set()


async def test_a_run_that_is_closed_gives_out_nothing_more():
    gate = Gate()
    answers = run_batch(rows(10), gate, in_flight=4)
    waiting = asyncio.create_task(anext(answers))
    await cycles()
    await answers.aclose()

    with pytest.raises(StopAsyncIteration):
        await waiting
    with pytest.raises(StopAsyncIteration):
        await anext(answers)
    assert sorted(gate.cancelled) == [0, 1, 2, 3]
    assert other_tasks() == set()


async def test_who_is_cancelled_in_the_loop_leaves_nothing_behind():
    gate = Gate()

    reading = asyncio.create_task(read(run_batch(rows(10), gate, in_flight=4), []))
    await cycles()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert sorted(gate.cancelled) == [0, 1, 2, 3]
    assert other_tasks() == set()


def test_a_loop_that_ends_in_the_middle_warns_of_nothing(recwarn):
    async def read():
        async for _ in run_batch(rows(100), text_of, in_flight=4):
            return

    asyncio.run(read())
    gc.collect()
    assert not recwarn.list


def test_a_run_that_outlives_its_loop_is_dropped_in_silence():
    kept = []

    async def read():
        kept.append(run_batch(rows(100), text_of, in_flight=4))
        await anext(kept[0])

    asyncio.run(read())
    kept.clear()
    gc.collect()


@pytest.mark.parametrize(
    ("status", "raised"), [(401, AuthenticationError), (402, PaymentRequiredError)]
)
async def test_an_account_that_cannot_pay_ends_the_run_and_fails_no_row(asker, status, raised):
    server, call = asker(error_reply(status, "No"))
    gate = Gate()

    async def either(row):
        return await (call(row) if row["id"] == 2 else gate(row))

    answers = []
    with pytest.raises(raised):
        await read(run_batch(rows(10), either, in_flight=4), answers)
    assert answers == []
    assert sorted(gate.cancelled) == sorted(gate.begun) != []
    assert len(server.requests) == 1
    assert other_tasks() == set()


async def test_what_fits_a_budget_is_finished_before_the_run_ends(asker):
    server, call = asker(text_reply("Left."))
    budget = Budget(0.0005, first_call=0.0001)
    answers = []

    with pytest.raises(BudgetExceededError):
        await read(run_batch(rows(100), call, budget=budget, in_flight=4), answers)
    assert [row["error"] for row in answers] == [None] * len(server.requests)
    assert 0 < budget.spent <= 0.0006
    assert sum(row["cost"] for row in answers) == pytest.approx(budget.spent)
    assert other_tasks() == set()


async def test_a_budget_of_the_run_does_not_leak(asker):
    _, call = asker(ANSWER)
    budget = Budget(1)
    async for row in run_batch(rows(1), call, budget=budget):
        await call(row)

    assert budget.total.calls == 1


async def test_what_rows_cost_counts_around_the_run(asker):
    _, call = asker(ANSWER)
    with track_spend() as spend:
        answers = [row async for row in run_batch(rows(3), call)]

    assert spend.total.calls == 3
    assert sum(row["cost"] for row in answers) == pytest.approx(spend.total.cost)
    assert spend.total.cost > 0


async def test_a_refused_row_waits_and_does_not_fail(asker, waits):
    server, call = asker(*[error_reply(429, "Busy")] * 5, ANSWER, max_retries=0)

    answers = [row async for row in run_batch(rows(2), call)]
    assert [row["error"] for row in answers] == [None, None]
    assert len(server.requests) == 7


async def test_the_pace_around_the_run_is_kept_to(asker, waits):
    _, call = asker(json_reply(error(429, "Busy"), 429), ANSWER)
    with Pace() as pace:
        async for _ in run_batch(rows(1), call):
            pass

    assert pace.limit < 10


async def test_rows_that_cannot_be_read_end_the_run_after_what_was_begun():
    def broken():
        yield from rows(2)
        raise OSError("The disk is gone.")

    answers = []
    with pytest.raises(OSError, match="disk"):
        await read(run_batch(broken(), text_of), answers)
    assert sorted(row["answer"] for row in answers) == ["0 boats", "1 boats"]


class Notes:
    """A journal that only notes which rows it was asked about."""

    def __init__(self):
        self.rows = []

    @contextmanager
    def row(self, id, attempt=0):
        self.rows.append((id, attempt))
        yield


async def test_a_journal_knows_rows_by_their_id_and_attempt():
    notes = Notes()
    async for _ in run_batch(rows(3), text_of, journal=notes, attempts={1: 2}):
        pass

    assert sorted(notes.rows) == [(0, 0), (1, 2), (2, 0)]


async def test_a_row_without_an_id_is_known_by_its_place_and_content():
    async def ids(*texts):
        source = [{"text": text} for text in texts]
        answers = [row async for row in run_batch(source, text_of)]
        return [row["id"] for row in sorted(answers, key=lambda row: row["id"])]

    assert await ids("one", "two") == await ids("one", "two")
    first, second = await ids("same", "same")
    assert first != second
    assert (await ids("one", "other"))[0] == (await ids("one", "two"))[0]


async def test_a_column_that_is_named_must_hold_an_id():
    with pytest.raises(InvalidRequestError, match="'number'"):
        await read(run_batch(rows(2), text_of, id="number"), [])


@pytest.mark.parametrize(
    "arguments",
    [{"in_flight": 0}, {"in_flight": True}, {"in_flight": 10**9}, {"journal": "answers.db"}],
    ids=repr,
)
def test_an_argument_that_makes_no_sense_is_refused_at_once(arguments):
    with pytest.raises(InvalidRequestError, match=next(iter(arguments))):
        run_batch(rows(1), text_of, **arguments)


async def test_a_row_that_is_no_mapping_ends_the_run():
    with pytest.raises(InvalidRequestError, match="'boats'"):
        await read(run_batch(["boats"], text_of), [])


async def test_a_chain_answers_rows(scripted_openrouter):
    server = scripted_openrouter(text_reply("Left."))
    model = ChatGLM(api_key=KEY, base_url=server.base_url)
    chain = ChatPromptTemplate.from_template("Which side? {text}") | model

    answers = [row async for row in run_batch(rows(2), chain)]
    assert [row["answer"].text for row in answers] == ["Left.", "Left."]
    assert {request.body["messages"][0]["content"] for request in server.requests} == {
        "Which side? 0 boats",
        "Which side? 1 boats",
    }


async def fail_odd(row):
    if row["id"] % 2:
        raise ValueError("odd")
    return row["text"]


async def test_a_bar_shows_how_many_came_out_and_how_many_failed(capsys):
    answers = [row async for row in run_batch(rows(4), fail_odd, show_progress=True)]
    shown = capsys.readouterr().err.split("\r")[-1]
    assert len(answers) == 4
    assert "4/4" in shown
    assert "0.0000 USD, 2 failed" in shown


async def test_a_bar_of_rows_that_cannot_be_counted_counts_up(capsys):
    assert [row async for row in run_batch(iter(rows(3)), text_of, show_progress=True)]
    assert "Rows: 3row" in capsys.readouterr().err


async def test_no_bar_is_shown_unless_it_is_asked_for(capsys):
    assert [row async for row in run_batch(rows(3), text_of)]
    assert capsys.readouterr().err == ""


async def test_a_bar_without_tqdm_says_what_to_install(monkeypatch):
    monkeypatch.setattr("glm_openrouter.batch.bar.find_spec", lambda _: None)
    with pytest.raises(InvalidRequestError, match="pip install tqdm"):
        run_batch(rows(3), text_of, show_progress=True)

"""`ask` over Ray on this machine. Functions whose names begin with `in_ray` run in a process that has started Ray."""

import asyncio
from typing import Any

import pytest

from support.paid_openrouter import paid_openrouter

from .conftest import KEY, RayJobError

pytestmark = [pytest.mark.ray, pytest.mark.xdist_group("ray")]

IN_FLIGHT = 40


def in_ray_ask(call: Any, rows: int = 3, **options: Any) -> list[dict[str, Any]]:
    """Return the rows of a dataset of ids with their answers."""
    import ray

    from glm_openrouter.ray import ask

    return ask(ray.data.range(rows), call, **options).take_all()


# Answers


def in_ray_label() -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return the types of the columns, and the rows; blocks have two rows."""
    import decimal

    import pyarrow as pa
    import ray
    from pydantic import BaseModel

    from glm_openrouter import RateLimitError
    from glm_openrouter.ray import ask

    class Label(BaseModel):
        mood: str
        score: float | None = None

    async def label(row: dict[str, Any]) -> Label:
        assert isinstance(row["price"], decimal.Decimal)
        if row["id"] in (2, 3):
            raise RateLimitError("Too many.", status_code=429, retryable=True)
        return Label(mood=f"mood {row['id']}")

    prices = pa.array([decimal.Decimal("1.10")] * 6, pa.decimal128(9, 2))
    table = pa.table({"id": range(6), "price": prices, "cost": ["an old one"] * 6})
    done = ask(ray.data.from_arrow(table), label, in_flight=4).materialize()
    schema = done.schema()
    return dict(zip(schema.names, map(str, schema.types), strict=True)), done.take_all()


@pytest.fixture(scope="module")
def labels(ray_driver):
    return ray_driver(in_ray_label)


def test_the_columns_of_a_dataset_stay_as_they_are(labels):
    types, rows = labels

    assert types["price"] == "decimal128(9, 2)"
    assert [row["id"] for row in rows] == list(range(6))
    assert [*types] == ["id", "price", "answer", "error", "cost"]


def test_an_object_is_a_struct_whose_type_is_that_of_its_class(labels):
    types, rows = labels

    assert types["answer"] == "struct<mood: string, score: double>"
    assert rows[5]["answer"] == {"mood": "mood 5", "score": None}


def test_a_row_that_fails_has_an_error_and_no_answer(labels):
    _, rows = labels
    failed = [row for row in rows if row["error"]]

    assert [row["id"] for row in failed] == [2, 3]
    assert failed[0]["answer"] is None
    error = failed[0]["error"]
    assert error.pop("message").startswith("Too many.")
    assert error == {"type": "RateLimitError", "retryable": True, "status_code": 429, "raw": None}


def in_ray_chain(base_url: str) -> list[dict[str, Any]]:
    from langchain_core.prompts import ChatPromptTemplate

    from langchain_glm import ChatGLM

    model = ChatGLM(base_url=base_url, api_key="sk-or-v1-of-the-driver", pickle_secrets=False)
    return in_ray_ask(ChatPromptTemplate.from_template("row {id}") | model)


def test_a_chain_answers_in_text_with_its_cost_and_the_key_of_the_workers(ray_driver):
    with paid_openrouter() as server:
        rows = ray_driver(in_ray_chain, server.base_url)

    assert [row["answer"] for row in rows] == [f"answer to row {number}" for number in range(3)]
    assert min(row["cost"] for row in rows) > 0
    assert {headers["authorization"] for headers in server.headers} == {f"Bearer {KEY}"}


def in_ray_pickle(**options: Any) -> bytes:
    import ray
    from ray import cloudpickle

    from glm_openrouter.ray import ask
    from langchain_glm import ChatGLM

    model = ChatGLM(api_key="sk-or-v1-of-the-driver", **options)
    return cloudpickle.dumps(ask(ray.data.range(1), model))


def test_what_goes_to_the_workers_can_be_without_the_key(ray_driver):
    assert b"sk-or-v1-of-the-driver" in ray_driver(in_ray_pickle)
    assert b"sk-or-v1-of-the-driver" not in ray_driver(in_ray_without_secrets)


def in_ray_without_secrets() -> bytes:
    return in_ray_pickle(pickle_secrets=False)


def in_ray_split() -> list[dict[str, Any]]:
    async def split(row: dict[str, Any]) -> list[dict[str, Any]]:
        if row["id"] == 1:
            raise ValueError("It cannot be split.")
        return [{"part": f"{row['id']}{letter}", "vector": [0.5, 0.25]} for letter in "ab"]

    return in_ray_ask(split, flat=True)


def test_an_answer_of_rows_becomes_rows(ray_driver):
    rows = ray_driver(in_ray_split)

    assert [(row["id"], row["part"]) for row in rows if not row["error"]] == [
        (0, "0a"),
        (0, "0b"),
        (2, "2a"),
        (2, "2b"),
    ]
    assert [row["id"] for row in rows if row["error"]] == [1]
    assert rows[0]["vector"] == [0.5, 0.25]


def in_ray_without_credits() -> list[dict[str, Any]]:
    from glm_openrouter import PaymentRequiredError

    async def call(_: dict[str, Any]) -> str:
        raise PaymentRequiredError("No credits are left. Buy some.", status_code=402)

    return in_ray_ask(call)


def in_ray_without_budget() -> list[dict[str, Any]]:
    from glm_openrouter import BudgetExceededError

    async def call(_: dict[str, Any]) -> str:
        raise BudgetExceededError("The budget is spent.", limit=1.0, spent=1.0, estimate=0.1)

    return in_ray_ask(call)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (in_ray_without_credits, "PaymentRequiredError: No credits are left. Buy some."),
        (in_ray_without_budget, "BudgetExceededError: The budget is spent."),
    ],
)
def test_what_fails_all_rows_ends_the_job_and_says_why(ray_driver, function, words):
    with pytest.raises(RayJobError, match=words):
        ray_driver(function)


def in_ray_journal(folder: str) -> list[dict[str, Any]]:
    import ray

    from glm_openrouter.ray import ask

    async def call(_: dict[str, Any]) -> str:
        return "done"

    rows = ray.data.from_items([{"number": 1}])
    return ask(rows, call, journal=f"{folder}/journal.db").take_all()


def test_a_journal_for_rows_without_ids_is_refused(ray_driver, tmp_path):
    with pytest.raises(RayJobError, match="InvalidRequestError: A journal knows a row by its `id`"):
        ray_driver(in_ray_journal, str(tmp_path))


def in_ray_cancel() -> list[dict[str, Any]]:
    async def call(row: dict[str, Any]) -> str:
        if row["id"] == 1:
            raise asyncio.CancelledError
        return "done"

    return in_ray_ask(call)


def test_a_call_that_cancels_itself_fails_its_row_alone(ray_driver):
    errors = [row["error"] and row["error"]["type"] for row in ray_driver(in_ray_cancel)]
    assert errors == [None, "CancelledError", None]


# What Ray does that `ask` has to know: each fails when Ray changes


def in_ray_gather() -> list[dict[str, Any]]:
    async def gather(_: dict[str, Any], came: list[asyncio.Barrier] = []) -> str:  # noqa: B006
        if not came:
            came.append(asyncio.Barrier(IN_FLIGHT))
        await asyncio.wait_for(came[0].wait(), 20)
        return "all came"

    return in_ray_ask(gather, rows=3 * IN_FLIGHT, in_flight=IN_FLIGHT)


def test_more_than_16_rows_are_under_way_at_a_time(ray_driver):
    assert {row["answer"] for row in ray_driver(in_ray_gather)} == {"all came"}


def in_ray_count() -> list[dict[str, Any]]:
    async def count(_: dict[str, Any], now: list[int] = []) -> int:  # noqa: B006
        now.append(1)
        await asyncio.sleep(0.01)
        under_way = len(now)
        now.pop()
        return under_way

    return in_ray_ask(count, rows=5 * IN_FLIGHT, in_flight=IN_FLIGHT)


def test_the_blocks_of_an_actor_share_its_limit(ray_driver):
    assert max(row["answer"] for row in ray_driver(in_ray_count)) == IN_FLIGHT


def in_ray_wait_for_others() -> list[dict[str, Any]]:
    async def wait(row: dict[str, Any], came: list[asyncio.Event] = []) -> str:  # noqa: B006
        if not came:
            came.append(asyncio.Event())
        if row["id"] == 0:
            await asyncio.wait_for(came[0].wait(), 20)
        elif row["id"] == 30:
            came[0].set()
        return "done"

    return in_ray_ask(wait, rows=40, in_flight=20)


def test_a_row_that_takes_long_does_not_stop_other_blocks(ray_driver):
    assert {row["answer"] for row in ray_driver(in_ray_wait_for_others)} == {"done"}


def in_ray_read_file(path: str) -> list[int]:
    import pyarrow as pa
    import ray
    from pyarrow import parquet

    from glm_openrouter.ray import ask

    async def call(_: dict[str, Any]) -> str:
        return "done"

    parquet.write_table(pa.table({"id": range(500)}), path)
    rows = ray.data.read_parquet(path, override_num_blocks=20)
    blocks = ask(rows, call, in_flight=100).iter_internal_ref_bundles()
    return [rows for bundle in blocks for rows in [bundle.num_rows()]]


def test_a_file_that_is_one_block_is_asked_in_small_ones(ray_driver, tmp_path):
    sizes = ray_driver(in_ray_read_file, str(tmp_path / "rows.parquet"))

    assert sum(sizes) == 500
    assert max(sizes) <= 100


def in_ray_take_all_processors() -> list[dict[str, Any]]:
    async def call(_: dict[str, Any]) -> str:
        return "done"

    return in_ray_ask(call, rows=20, in_flight=4, actors=2)


def test_actors_leave_the_processors_to_other_tasks(ray_driver):
    assert len(ray_driver(in_ray_take_all_processors)) == 20

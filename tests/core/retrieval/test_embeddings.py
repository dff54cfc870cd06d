"""Texts become vectors: in their order, in parts, and never fewer, more or other ones than were asked for."""

import asyncio
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_openrouter import (
    APIResponseError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    Budget,
    BudgetExceededError,
    InvalidRequestError,
    SpendEntry,
    session,
    track_spend,
)
from glm_openrouter.retrieval.parts import MOST_BYTES, split
from glm_openrouter.testing import Wait, json_reply
from support.vectors import EMBEDDING_USAGE, answer_all, embeddings, row, vector_of
from support.wire import error

TEXTS = ["Pier two.", "The harbour opens at six.", "Gulls."]


@pytest.fixture
def embed(run):
    """A function that asks for vectors, through either client."""

    def call(server, texts, options=None, **arguments):
        async def body(client):
            answer = client.inner.embed(texts, **arguments)
            return await answer if asyncio.iscoroutine(answer) else answer

        return run.scenario(server.base_url, body, **(options or {}))

    return call


def test_each_text_has_its_vector(embed, scripted_openrouter):
    server = scripted_openrouter(answer_all())
    answer = embed(server, TEXTS)

    assert [vector.tolist() for vector in answer.vectors] == [vector_of(text) for text in TEXTS]
    assert [vector.typecode for vector in answer.vectors] == ["f"] * 3
    assert (answer.model, answer.provider) == ("baai/bge-m3", "DeepInfra")
    assert answer.dimensions == 3
    assert (answer.usage.prompt_tokens, answer.usage.cost) == (8, 0.00002)


def test_what_is_set_is_on_the_wire(embed, scripted_openrouter):
    server = scripted_openrouter(answer_all(2))
    embed(
        server,
        TEXTS,
        model="openai/text-embedding-3-small",
        dimensions=2,
        input_type="search_document",
        provider={"order": ["openai"], "data_collection": "deny"},
        user="user-1",
        session_id="thread-1",
        trace={"trace_id": "t"},
        extra_body={"new": 1},
    )

    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/api/v1/embeddings")
    assert request.body == {
        "input": TEXTS,
        "model": "openai/text-embedding-3-small",
        "dimensions": 2,
        "input_type": "search_document",
        "provider": {"order": ["openai"], "data_collection": "deny"},
        "user": "user-1",
        "session_id": "thread-1",
        "trace": {"trace_id": "t"},
        "new": 1,
        "encoding_format": "base64",
    }


def test_nothing_is_said_that_was_not_set(embed, scripted_openrouter):
    server = scripted_openrouter(answer_all())
    embed(server, TEXTS)

    assert server.requests[0].body == {
        "input": TEXTS,
        "model": "baai/bge-m3",
        "encoding_format": "base64",
    }


def test_a_request_belongs_to_the_session_around_it(embed, scripted_openrouter):
    server = scripted_openrouter(answer_all())
    with session("conversation-7"):
        embed(server, TEXTS)

    assert server.requests[0].body["session_id"] == "conversation-7"


def test_vectors_in_decimals_are_read_too(embed, scripted_openrouter):
    rows = [row(at, [len(text), 0.5]) for at, text in enumerate(TEXTS)]  # a provider without base64
    answer = embed(scripted_openrouter(embeddings(rows)), TEXTS)

    assert [vector.tolist() for vector in answer.vectors] == [[len(text), 0.5] for text in TEXTS]


def test_rows_are_placed_by_their_numbers(embed, scripted_openrouter):
    rows = [row(at, vector_of(TEXTS[at])) for at in (2, 0, 1)]
    answer = embed(scripted_openrouter(embeddings(rows)), TEXTS)

    assert [vector.tolist() for vector in answer.vectors] == [vector_of(text) for text in TEXTS]


def test_rows_without_numbers_are_in_order(embed, scripted_openrouter):
    rows = [row(None, vector_of(text)) for text in TEXTS]
    answer = embed(scripted_openrouter(embeddings(rows)), TEXTS)

    assert [vector.tolist() for vector in answer.vectors] == [vector_of(text) for text in TEXTS]


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_a_vector_arrives_as_it_was_sent(vector):
    from glm_openrouter.retrieval.vectors import read_vectors

    (read,) = read_vectors([row(0, vector)], 1, None)
    assert read.tolist() == vector


GOOD = [1.0, 2.0]


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([], "0 rows instead of 2"),
        ([row(0, GOOD)], "1 rows instead of 2"),
        ([row(0, GOOD), row(1, GOOD), row(2, GOOD)], "3 rows instead of 2"),
        ([row(0, GOOD), row(0, GOOD)], "the same number"),
        ([row(1, GOOD), row(2, GOOD)], "number 2, of 2"),
        ([row(0, GOOD), row(-1, GOOD)], "number -1, of 2"),
        ([row(0, GOOD), row(True, GOOD)], "number True"),
        ([row(0, GOOD), row(None, GOOD)], "number None"),
        ([row(0, GOOD), row(1, [1.0])], r"different lengths: \[1, 2\]"),
        ([row(0, GOOD), row(1, [])], "empty"),
        ([row(0, GOOD), row(1, None)], "no vector"),
        ([row(0, GOOD), row(1, [1, "2"])], "no vector"),
        ([row(0, GOOD), row(1, [1, True])], "no vector"),
        ([row(0, GOOD), row(1, "not base64!")], "no vector"),
        ([row(0, GOOD), row(1, "AAAA")], "no vector"),  # three bytes are no float32
        ([row(0, GOOD), row(1, [1.0, math.nan])], "not finite"),
        ([row(0, GOOD), row(1, [math.inf, -math.inf])], "not finite"),
        ([row(0, GOOD), row(1, [1, 1e300])], "not finite"),
        ([row(0, GOOD), "row"], "not an object"),
        ({"0": GOOD}, "no rows"),
    ],
)
def test_rows_that_are_not_what_was_asked_for_are_an_error(
    embed, scripted_openrouter, rows, complaint
):
    server = scripted_openrouter(embeddings_of(rows))
    with pytest.raises(APIResponseError, match=complaint) as caught:
        embed(server, ["one", "two"], {"max_retries": 0})

    assert "baai/bge-m3" in str(caught.value)
    assert caught.value.may_be_billed


def embeddings_of(rows):
    return json_reply(json.dumps({"object": "list", "data": rows, "usage": EMBEDDING_USAGE}))


def test_vectors_shorter_than_asked_for_are_an_error(embed, scripted_openrouter):
    with pytest.raises(APIResponseError, match="3 dimensions instead of 256"):
        embed(scripted_openrouter(answer_all()), TEXTS, dimensions=256)


def test_parts_whose_vectors_differ_in_length_are_an_error(embed, scripted_openrouter):
    server = scripted_openrouter(answer_all(3), answer_all(4))
    with pytest.raises(APIResponseError, match="different lengths"):
        embed(server, TEXTS, batch_size=2, max_concurrency=1)


def test_an_error_inside_a_200_has_its_type(embed, scripted_openrouter):
    server = scripted_openrouter(json_reply(error(400, "input is too long")))
    with pytest.raises(BadRequestError, match="too long"):
        embed(server, TEXTS)


@pytest.mark.parametrize("status", [400, 401, 402, 404, 429, 503])
def test_a_status_is_the_error_that_chat_has_for_it(embed, run, scripted_openrouter, status):
    reply = json_reply(error(status, "No."), status)
    with pytest.raises(APIStatusError) as of_chat:
        run.complete(scripted_openrouter(reply).base_url, max_retries=0)
    with pytest.raises(APIStatusError) as caught:
        embed(scripted_openrouter(reply), TEXTS, {"max_retries": 0})

    assert type(caught.value) is type(of_chat.value)
    assert caught.value.status_code == status


def test_a_failure_that_may_pass_is_tried_again(embed, scripted_openrouter, waits):
    busy = json_reply(error(429, "Slow down."), 429, {"Retry-After": "7"})
    server = scripted_openrouter(busy, answer_all())

    assert len(embed(server, TEXTS).vectors) == 3
    assert len(server.requests) == 2
    assert waits[0] >= 7


def test_a_long_list_goes_in_parts_and_keeps_its_order(embed, scripted_openrouter):
    texts = ["x" * (1 + at % 50) for at in range(250)]

    def reply(request):
        status, *rest = answer_all()(request)
        is_first = request.body["input"][0] == texts[0]
        return (status, Wait(0.05), *rest) if is_first else (status, *rest)

    server = scripted_openrouter(reply)
    answer = embed(server, texts)

    assert [vector[0] for vector in answer.vectors] == [len(text) for text in texts]
    assert sorted(len(request.body["input"]) for request in server.requests) == [58, 96, 96]
    assert answer.usage.prompt_tokens == 24
    assert answer.usage.cost == pytest.approx(0.00006)


@given(
    st.lists(st.integers(0, MOST_BYTES).map("\u20ac".__mul__), min_size=1, max_size=8),
    st.integers(1, 5),
)
def test_parts_are_bounded_in_number_and_size(texts, most):
    parts = list(split(texts, most))

    assert [text for part in parts for text in part.texts] == texts
    for part in parts:
        size = sum(len(text.encode()) for text in part.texts)
        assert len(part.texts) == 1 or (len(part.texts) <= most and size <= MOST_BYTES)
        assert texts[part.start] == part.texts[0]


def test_several_parts_are_under_way_at_a_time_but_no_more(embed, scripted_openrouter):
    def reply(request):
        status, *rest = answer_all()(request)
        return (status, Wait(0.02), *rest)

    server = scripted_openrouter(reply)
    embed(server, ["text"] * 12, batch_size=2, max_concurrency=3)

    assert len(server.requests) == 6
    assert len(server.connections) == 3


def test_a_part_that_fails_is_named_and_no_other_is_begun(embed, scripted_openrouter):
    def reply(request):
        if request.body["input"] == ["4", "5"]:
            return json_reply(error(400, "No."), 400)
        status, *rest = answer_all()(request)
        return (status, Wait(0.03), *rest)  # longer than an error takes to come up

    server = scripted_openrouter(reply)
    texts = [str(at) for at in range(20)]
    with pytest.raises(BadRequestError, match=r"embeddings \[4:6\] of 20"):
        embed(server, texts, batch_size=2, max_concurrency=2)

    assert len(server.requests) < 7


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        ([], "texts is empty"),
        (["one", ""], r"texts\[1\] is empty"),
        (["one", " \n"], r"texts\[1\] is empty"),
        (["one", 2], r"texts\[1\] must be text, got int"),
        ("one", "must be a list of texts, got str"),
        (None, "must be a list"),
        (["word " * 20_000], r"texts\[0\] has about 20,\d\d\d tokens, .* takes 8,192"),
    ],
)
def test_texts_that_no_model_takes_are_refused(embed, scripted_openrouter, texts, complaint):
    server = scripted_openrouter(answer_all())
    with pytest.raises(InvalidRequestError, match=complaint):
        embed(server, texts)
    assert not server.requests


@pytest.mark.parametrize(
    "arguments",
    [
        {"model": ""},
        {"dimensions": 0},
        {"dimensions": "many"},
        {"session_id": "x" * 257},
        {"provider": {"ordre": ["z-ai"]}},
        {"temperature": 1},
        {"batch_size": 0},
        {"max_concurrency": 0},
        {"max_concurrency": True},
    ],
    ids=str,
)
def test_arguments_that_make_no_sense_are_refused(embed, scripted_openrouter, arguments):
    server = scripted_openrouter(answer_all())
    with pytest.raises(InvalidRequestError):
        embed(server, TEXTS, **arguments)
    assert not server.requests


def test_a_text_of_an_unknown_model_may_be_long(embed, scripted_openrouter):
    server = scripted_openrouter(answer_all())
    assert embed(server, ["word " * 20_000], model="new/model").dimensions == 3


def test_what_vectors_cost_is_spent(embed, scripted_openrouter):
    with track_spend() as spend:
        embed(scripted_openrouter(answer_all()), ["text"] * 4, batch_size=2)

    assert spend.entries == {
        ("baai/bge-m3", "DeepInfra"): SpendEntry(calls=2, prompt_tokens=16, cost=0.00004)
    }


def test_an_answer_that_cannot_be_used_was_paid_all_the_same(embed, scripted_openrouter):
    server = scripted_openrouter(embeddings_of([]))
    with track_spend() as spend, pytest.raises(APIResponseError):
        embed(server, TEXTS, {"max_retries": 0})

    assert spend.total.cost == 0.00002


def test_a_refusal_costs_nothing(embed, scripted_openrouter):
    server = scripted_openrouter(json_reply(error(401, "No."), 401))
    with track_spend() as spend, pytest.raises(AuthenticationError):
        embed(server, TEXTS)

    assert spend.total == SpendEntry()


def test_a_budget_stops_the_parts_that_would_go_over_it(embed, scripted_openrouter):
    server = scripted_openrouter(answer_all())
    with Budget(0.00005), pytest.raises(BudgetExceededError):
        embed(server, ["text"] * 10, batch_size=1, max_concurrency=1)

    assert len(server.requests) == 2


def test_a_small_budget_is_enough_for_many_cheap_texts(embed, scripted_openrouter):
    server = scripted_openrouter(answer_all())
    with Budget(0.01):
        embed(server, ["word " * 200] * 200, batch_size=10)

    assert len(server.requests) == 20


def test_progress_adds_up_to_all_texts(embed, scripted_openrouter):
    done = []
    embed(scripted_openrouter(answer_all()), ["text"] * 7, batch_size=3, progress=done.append)

    assert sorted(done) == [1, 3, 3]


def test_the_key_is_not_in_an_error(embed, scripted_openrouter):
    def reply(request):
        return json_reply(error(400, f"bad {request.headers['authorization']}"), 400)

    with pytest.raises(BadRequestError) as caught:
        embed(scripted_openrouter(reply), TEXTS)
    assert "sk-or" not in str(caught.value)


def test_models_that_make_vectors_are_listed(run, scripted_openrouter):
    server = scripted_openrouter(
        json_reply({"data": [{"id": "baai/bge-m3", "context_length": 8192}]})
    )

    async def body(client):
        answer = client.inner.embedding_models()
        return await answer if asyncio.iscoroutine(answer) else answer

    (model,) = run.scenario(server.base_url, body)
    assert (model.id, model.context_length) == ("baai/bge-m3", 8192)
    assert server.requests[0].path == "/api/v1/embeddings/models"

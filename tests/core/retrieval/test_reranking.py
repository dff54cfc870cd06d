"""Documents are put in the order of a model, and none is lost or made up on the way."""

import asyncio
import json

import pytest

from glm_openrouter import (
    APIResponseError,
    BadRequestError,
    InvalidRequestError,
    RankedDocument,
    track_spend,
)
from glm_openrouter.testing import json_reply
from support.vectors import RERANK_USAGE, rank_by, ranking
from support.wire import error

DOCUMENTS = ["Gulls.", "The harbour opens at six.", "Pier two."]


@pytest.fixture
def rerank(run):
    """A function that asks for an order, through either client."""

    def call(server, query, documents, options=None, **arguments):
        async def body(client):
            answer = client.inner.rerank(query, documents, **arguments)
            return await answer if asyncio.iscoroutine(answer) else answer

        return run.scenario(server.base_url, body, **(options or {}))

    return call


def test_the_best_document_comes_first(rerank, scripted_openrouter):
    server = scripted_openrouter(ranking([(1, 0.98), (2, 0.4), (0, 0.01)]))
    answer = rerank(server, "When?", DOCUMENTS)

    assert answer.documents == [
        RankedDocument(1, 0.98),
        RankedDocument(2, 0.4),
        RankedDocument(0, 0.01),
    ]
    assert (answer.model, answer.provider) == ("cohere/rerank-v3.5", "Cohere")
    assert (answer.usage.search_units, answer.usage.cost) == (1, 0.001)


def test_the_order_is_that_of_the_scores(rerank, scripted_openrouter):
    server = scripted_openrouter(ranking([(0, 0.1), (1, 0.9), (2, 0.5)]))

    assert [found.index for found in rerank(server, "When?", DOCUMENTS).documents] == [1, 2, 0]


def test_what_is_set_is_on_the_wire(rerank, scripted_openrouter):
    server = scripted_openrouter(rank_by(len))
    answer = rerank(
        server,
        "When?",
        DOCUMENTS,
        model="cohere/rerank-4-fast",
        top_n=2,
        provider={"only": ["cohere"]},
        user="user-1",
        session_id="thread-1",
        extra_body={"new": 1},
    )

    assert [found.index for found in answer.documents] == [1, 2]
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/api/v1/rerank")
    assert request.body == {
        "query": "When?",
        "documents": DOCUMENTS,
        "model": "cohere/rerank-4-fast",
        "top_n": 2,
        "provider": {"only": ["cohere"]},
        "user": "user-1",
        "session_id": "thread-1",
        "new": 1,
    }


def test_very_many_documents_are_put_together_by_their_scores(rerank, scripted_openrouter):
    documents = [f"{at * 7919 % 2500}" for at in range(2500)]
    server = scripted_openrouter(rank_by(float))
    answer = rerank(server, "Which?", documents, top_n=3)

    assert [documents[found.index] for found in answer.documents] == ["2499", "2498", "2497"]
    assert sorted(len(request.body["documents"]) for request in server.requests) == [
        500,
        1000,
        1000,
    ]
    assert answer.usage.search_units == 3


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([], "0 rows instead of 2"),
        ([{"index": 0, "relevance_score": 1}], "1 rows instead of 2"),
        ([{"index": 0, "relevance_score": 1}, {"index": 0, "relevance_score": 1}], "same number"),
        ([{"index": 0, "relevance_score": 1}, {"index": 3, "relevance_score": 1}], "number 3"),
        ([{"index": 0, "relevance_score": 1}, {"relevance_score": 1}], "number None"),
        ([{"index": 0, "relevance_score": 1}, {"index": 1}], "no relevance_score"),
        ([{"index": 0, "relevance_score": 1}, {"index": 1, "relevance_score": "1"}], "no rel"),
        ([{"index": 0, "relevance_score": 1}, {"index": 1, "relevance_score": True}], "no rel"),
        ([0, 1], "not an object"),
        ("", "no rows"),
    ],
)
def test_rows_that_are_not_what_was_asked_for_are_an_error(
    rerank, scripted_openrouter, rows, complaint
):
    server = scripted_openrouter(json_reply(json.dumps({"results": rows, "usage": RERANK_USAGE})))
    with pytest.raises(APIResponseError, match=complaint) as caught:
        rerank(server, "Which?", ["one", "two"], {"max_retries": 0})

    assert "cohere/rerank-v3.5" in str(caught.value)


@pytest.mark.parametrize(
    ("query", "documents", "arguments"),
    [
        ("", DOCUMENTS, {}),
        ("Which?", [], {}),
        ("Which?", ["one", ""], {}),
        ("Which?", "one", {}),
        ("Which?", DOCUMENTS, {"top_n": 0}),
        ("Which?", DOCUMENTS, {"dimensions": 3}),
    ],
)
def test_what_cannot_be_ranked_is_refused(rerank, scripted_openrouter, query, documents, arguments):
    server = scripted_openrouter(rank_by(len))
    with pytest.raises(InvalidRequestError):
        rerank(server, query, documents, **arguments)
    assert not server.requests


def test_a_refusal_has_its_type(rerank, scripted_openrouter):
    server = scripted_openrouter(json_reply(error(400, "No such model."), 400))
    with pytest.raises(BadRequestError, match="No such model"):
        rerank(server, "Which?", DOCUMENTS)


def test_what_an_order_costs_is_spent(rerank, scripted_openrouter):
    with track_spend() as spend:
        rerank(scripted_openrouter(rank_by(len)), "Which?", DOCUMENTS)

    entry = spend.entries["cohere/rerank-v3.5", "Cohere"]
    assert (entry.calls, entry.cost) == (1, 0.001)

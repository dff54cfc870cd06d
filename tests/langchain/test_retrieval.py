"""`OpenRouterEmbeddings` and `OpenRouterRerank` in LangChain's hands."""

import asyncio
import copy
import pickle

import pytest
from langchain_core.documents import Document
from langchain_core.exceptions import ModelInvalidRequestError, ModelRateLimitError
from langchain_core.load import dumps
from langchain_core.vectorstores import InMemoryVectorStore
from pydantic import ValidationError

from glm_openrouter import track_spend
from glm_openrouter.testing import json_reply
from langchain_glm import AuthenticationError, OpenRouterEmbeddings, OpenRouterRerank
from support.samples import KEY
from support.vectors import answer_all, rank_by, ranking, vector_of
from support.wire import error

TEXTS = ["Pier two.", "The harbour opens at six.", "Gulls."]
DOCUMENTS = [Document(text, metadata={"page": page}) for page, text in enumerate(TEXTS)]

both = pytest.mark.parametrize("how", ["sync", "async"])


def call(how, instance, method, *arguments):
    if how == "sync":
        return getattr(instance, method)(*arguments)
    return asyncio.run(getattr(instance, f"a{method}")(*arguments))


@pytest.fixture
def embeddings(scripted_openrouter):
    """A function that makes the class for a server."""

    def make(reply=None, **options):
        server = scripted_openrouter(reply or answer_all())
        return server, OpenRouterEmbeddings(api_key=KEY, base_url=server.base_url, **options)

    return make


@both
def test_documents_and_queries_have_vectors(embeddings, how):
    server, model = embeddings()

    assert call(how, model, "embed_documents", TEXTS) == [vector_of(text) for text in TEXTS]
    assert call(how, model, "embed_query", "When?") == vector_of("When?")
    assert [request.body["input_type"] for request in server.requests] == [
        "search_document",
        "search_query",
    ]


@both
def test_nothing_is_said_of_queries_and_documents_if_that_is_off(embeddings, how):
    server, model = embeddings(query_input_type=None, document_input_type=None)
    call(how, model, "embed_documents", TEXTS)
    call(how, model, "embed_query", "When?")

    assert all("input_type" not in request.body for request in server.requests)


@both
def test_no_texts_have_no_vectors_and_ask_nobody(embeddings, how):
    server, model = embeddings()

    assert call(how, model, "embed_documents", []) == []
    assert not server.requests


@both
def test_what_the_model_was_made_with_is_on_the_wire(embeddings, how):
    server, model = embeddings(
        model="qwen/qwen3-embedding-8b", dimensions=3, provider={"only": ["deepinfra"]}, user="u"
    )
    call(how, model, "embed_documents", TEXTS)
    body = server.requests[0].body

    assert (body["model"], body["dimensions"], body["user"]) == ("qwen/qwen3-embedding-8b", 3, "u")
    assert body["provider"] == {"only": ["deepinfra"]}


@both
def test_chunk_size_is_how_many_texts_go_together(embeddings, how):
    server, model = embeddings(chunk_size=2)
    call(how, model, "embed_documents", TEXTS)

    assert sorted(len(request.body["input"]) for request in server.requests) == [1, 2]


@both
def test_a_bar_shows_the_progress(embeddings, how, capsys):
    _, model = embeddings(show_progress_bar=True)
    call(how, model, "embed_documents", TEXTS)

    assert "3/3" in capsys.readouterr().err


@both
def test_an_empty_text_is_an_error_of_langchain_too(embeddings, how):
    server, model = embeddings()
    with pytest.raises(ModelInvalidRequestError, match=r"texts\[1\] is empty"):
        call(how, model, "embed_documents", ["one", ""])
    assert not server.requests


@both
def test_a_failure_is_an_error_of_langchain_too(embeddings, how):
    _, model = embeddings(json_reply(error(429, "Slow."), 429), max_retries=0)
    with pytest.raises(ModelRateLimitError):
        call(how, model, "embed_query", "When?")


def test_what_makes_no_sense_is_refused_when_the_class_is_made(monkeypatch):
    with pytest.raises(AuthenticationError):
        OpenRouterEmbeddings()
    with pytest.raises(ValidationError):
        OpenRouterEmbeddings(api_key=KEY, temperature=1)
    with pytest.raises(ValidationError):
        OpenRouterRerank(api_key=KEY, top_n=0)


@pytest.mark.parametrize("kind", [OpenRouterEmbeddings, OpenRouterRerank])
def test_copies_are_equal_and_the_key_is_shown_nowhere(kind):
    made = kind(api_key=KEY, default_headers={"X-Key": KEY})

    assert pickle.loads(pickle.dumps(made)) == made == copy.deepcopy(made) == made.model_copy()
    shown = [repr(made), str(made), dumps(made), made.model_dump_json(), str(made.model_dump())]
    assert not any(KEY in text for text in shown)


def test_a_vector_store_finds_what_is_near(embeddings):
    _, model = embeddings()
    store = InMemoryVectorStore(model)
    store.add_documents(DOCUMENTS)

    assert len(store.similarity_search("Where?", k=2)) == 2


@both
def test_what_vectors_cost_is_spent(embeddings, how):
    _, model = embeddings()
    with track_spend() as spend:
        call(how, model, "embed_documents", TEXTS)

    assert spend.total.cost == 0.00002


@pytest.fixture
def reranker(scripted_openrouter):
    """A function that makes the class for a server."""

    def make(reply, **options):
        server = scripted_openrouter(reply)
        return server, OpenRouterRerank(api_key=KEY, base_url=server.base_url, **options)

    return make


@both
def test_the_best_documents_come_first_with_their_scores(reranker, how):
    server, model = reranker(rank_by(len), top_n=2)
    best = call(how, model, "compress_documents", DOCUMENTS, "When?")

    assert [document.page_content for document in best] == [TEXTS[1], TEXTS[0]]
    assert best[0].metadata == {"page": 1, "relevance_score": float(len(TEXTS[1]))}
    assert DOCUMENTS[1].metadata == {"page": 1}  # the user's own stay as they are
    assert server.requests[0].body["query"] == "When?"


@both
def test_documents_without_text_are_left_out(reranker, how):
    server, model = reranker(ranking([(1, 0.9), (0, 0.1)]))
    documents = [Document(" "), DOCUMENTS[0], Document(""), DOCUMENTS[1]]
    best = call(how, model, "compress_documents", documents, "When?")

    assert [document.page_content for document in best] == [TEXTS[1], TEXTS[0]]
    assert call(how, model, "compress_documents", [Document("")], "When?") == []
    assert len(server.requests) == 1

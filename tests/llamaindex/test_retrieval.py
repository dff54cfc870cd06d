"""`OpenRouterEmbedding` and `OpenRouterRerank` in LlamaIndex's hands."""

import asyncio
import copy
import json
import pickle

import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import ValidationError

from glm_openrouter import AuthenticationError, InvalidRequestError, RateLimitError
from glm_openrouter.testing import json_reply
from llamaindex_glm import EmbeddingUsageEvent, OpenRouterEmbedding, OpenRouterRerank
from support.samples import KEY
from support.vectors import answer_all, rank_by, ranking, vector_of
from support.wire import error

TEXTS = ["Pier two.", "The harbour opens at six.", "Gulls."]

both = pytest.mark.parametrize("how", ["sync", "async"])


def call(how, instance, method, *arguments, **named):
    if how == "sync":
        return getattr(instance, method)(*arguments, **named)
    return asyncio.run(getattr(instance, f"a{method}")(*arguments, **named))


def nodes(*texts):
    return [NodeWithScore(node=TextNode(text=text), score=0.5) for text in texts]


@pytest.fixture
def embedding(scripted_openrouter):
    """A function that makes the class for a server."""

    def make(reply=None, **options):
        server = scripted_openrouter(reply or answer_all())
        return server, OpenRouterEmbedding(api_key=KEY, api_base=server.base_url, **options)

    return make


@pytest.fixture
def reranker(scripted_openrouter):
    """A function that makes the class for a server."""

    def make(reply, **options):
        server = scripted_openrouter(reply)
        return server, OpenRouterRerank(api_key=KEY, api_base=server.base_url, **options)

    return make


class Handler(BaseEventHandler):
    """Keeps all events."""

    seen: list = []

    def handle(self, event, **_):
        self.seen.append(event)


@pytest.fixture
def events():
    """The events that LlamaIndex tells its handlers."""
    handler, root = Handler(seen=[]), get_dispatcher()
    root.add_event_handler(handler)
    yield handler.seen
    root.event_handlers.remove(handler)


@both
def test_texts_and_queries_have_vectors(embedding, how):
    server, model = embedding()

    assert call(how, model, "get_text_embedding_batch", TEXTS) == [vector_of(t) for t in TEXTS]
    assert call(how, model, "get_text_embedding", "Gulls.") == vector_of("Gulls.")
    assert call(how, model, "get_query_embedding", "When?") == vector_of("When?")
    assert [request.body["input_type"] for request in server.requests] == [
        "search_document",
        "search_document",
        "search_query",
    ]


@both
def test_the_batch_size_is_how_many_texts_go_together(embedding, how):
    server, model = embedding(embed_batch_size=2)
    vectors = call(how, model, "get_text_embedding_batch", TEXTS)

    assert vectors == [vector_of(text) for text in TEXTS]
    assert sorted(len(request.body["input"]) for request in server.requests) == [1, 2]


@pytest.mark.parametrize("name", ["model", "model_name"])
def test_the_model_has_both_names(embedding, name):
    server, model = embedding(**{name: "qwen/qwen3-embedding-8b"})
    model.get_query_embedding("When?")

    assert (model.model, model.model_name) == ("qwen/qwen3-embedding-8b",) * 2
    assert server.requests[0].body["model"] == "qwen/qwen3-embedding-8b"


@both
def test_events_say_what_vectors_have_taken(embedding, how, events):
    _, model = embedding()
    call(how, model, "get_text_embedding_batch", TEXTS)

    assert [event.class_name() for event in events] == [
        "EmbeddingStartEvent",
        "EmbeddingUsageEvent",
        "EmbeddingEndEvent",
    ]
    usage = next(event for event in events if isinstance(event, EmbeddingUsageEvent))
    assert (usage.model, usage.provider, usage.prompt_tokens, usage.cost) == (
        "baai/bge-m3",
        "DeepInfra",
        8,
        0.00002,
    )
    assert not any(KEY in event.model_dump_json() for event in events)


@both
def test_a_failure_has_its_type(embedding, how):
    _, model = embedding(json_reply(error(429, "Slow."), 429), max_retries=0)
    with pytest.raises(RateLimitError):
        call(how, model, "get_query_embedding", "When?")


def test_what_makes_no_sense_is_refused_when_the_class_is_made():
    with pytest.raises(AuthenticationError):
        OpenRouterEmbedding()
    with pytest.raises(ValidationError):
        OpenRouterEmbedding(api_key=KEY, temperature=1)
    with pytest.raises(ValidationError):
        OpenRouterRerank(api_key=KEY, top_n=0)


@pytest.mark.parametrize("kind", [OpenRouterEmbedding, OpenRouterRerank])
def test_copies_are_equal_and_the_key_is_shown_nowhere(kind):
    made = kind(api_key=KEY, default_headers={"X-Key": KEY})

    assert pickle.loads(pickle.dumps(made)) == made == copy.deepcopy(made) == made.model_copy()
    assert kind(api_key=KEY, default_headers={"X-Key": KEY}, **made.model_dump()) == made
    assert not any(KEY in text for text in (repr(made), json.dumps(made.to_dict(), default=str)))


def test_an_index_finds_what_is_near(embedding):
    _, model = embedding()
    index = VectorStoreIndex.from_documents([Document(text=t) for t in TEXTS], embed_model=model)

    assert len(index.as_retriever(similarity_top_k=2).retrieve("Where?")) == 2


@both
def test_the_best_nodes_come_first_with_their_scores(reranker, how, events):
    server, model = reranker(rank_by(len), top_n=2)
    given = nodes(*TEXTS)
    best = call(how, model, "postprocess_nodes", given, query_str="When?")

    assert [(node.node.text, node.score) for node in best] == [(TEXTS[1], 25.0), (TEXTS[0], 9.0)]
    assert [node.score for node in given] == [0.5] * 3  # the user's own stay as they are
    assert server.requests[0].body["query"] == "When?"
    names = [event.class_name() for event in events]
    assert names == ["ReRankStartEvent", "ReRankEndEvent"]


@both
def test_nodes_without_text_are_left_out(reranker, how):
    server, model = reranker(ranking([(1, 0.9), (0, 0.1)]))
    best = call(how, model, "postprocess_nodes", nodes("", *TEXTS[:2], " "), query_str="When?")

    assert [node.node.text for node in best] == [TEXTS[1], TEXTS[0]]
    assert call(how, model, "postprocess_nodes", nodes(""), query_str="When?") == []
    assert len(server.requests) == 1


@both
def test_an_order_needs_a_query(reranker, how):
    server, model = reranker(rank_by(len))
    with pytest.raises(InvalidRequestError, match="query"):
        call(how, model, "postprocess_nodes", nodes(*TEXTS))
    assert not server.requests

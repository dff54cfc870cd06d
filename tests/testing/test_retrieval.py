"""The offline OpenRouter makes vectors that find things, and ranks by what a document has of a query."""

import httpx
import pytest

from glm_openrouter import BadRequestError, Client, NotFoundError
from support.samples import KEY

DOCUMENTS = [
    "The harbour of Bergen opens at six in the morning.",
    "Gulls steal sandwiches from tourists.",
    "Invoices are paid within thirty days.",
    "A photosynthesising plant turns light into sugar.",
]
QUESTIONS = [
    "When do the harbours open?",
    "Which bird takes a sandwich?",
    "How long does payment of an invoice take?",
    "What do plants do with sunlight?",
]


@pytest.fixture
def client(server):
    with Client(api_key=KEY, base_url=server.base_url) as client:
        yield client


@pytest.fixture
def post(server):
    def post(path, **body):
        headers = {"Authorization": f"Bearer {KEY}"}
        return httpx.post(f"{server.base_url}{path}", headers=headers, json=body)

    return post


def nearness(one, other):
    return sum(left * right for left, right in zip(one, other, strict=True))


@pytest.mark.parametrize(("at", "question"), [*enumerate(QUESTIONS)])
def test_the_vector_of_a_question_is_next_to_its_answer(client, at, question):
    vectors = client.embed([question, *DOCUMENTS]).vectors
    near = [nearness(vectors[0], vector) for vector in vectors[1:]]

    assert max(range(len(near)), key=near.__getitem__) == at


@pytest.mark.parametrize(("at", "question"), [*enumerate(QUESTIONS)])
def test_the_answer_to_a_question_ranks_first(client, at, question):
    assert client.rerank(question, DOCUMENTS, top_n=1).documents[0].index == at


def test_a_text_has_the_same_vector_each_time(client):
    assert client.embed(DOCUMENTS).vectors == client.embed(DOCUMENTS).vectors


def test_a_vector_has_length_one(client):
    for vector in client.embed([*DOCUMENTS, "!?", "the"]).vectors:
        assert nearness(vector, vector) == pytest.approx(1, abs=1e-5)


def test_both_encodings_hold_the_same_numbers(client, post):
    answer = post("/embeddings", model="baai/bge-m3", input=DOCUMENTS[0]).json()

    assert answer["data"][0]["embedding"] == client.embed([DOCUMENTS[0]]).vectors[0].tolist()


def test_vectors_can_be_shortened_where_the_model_can(client):
    shortened = client.embed(DOCUMENTS, model="qwen/qwen3-embedding-8b", dimensions=256)

    assert shortened.dimensions == 256
    with pytest.raises(BadRequestError, match="cannot shorten"):
        client.embed(DOCUMENTS, dimensions=256)


def test_usage_and_cost_are_reported_and_charged(client):
    before = client.key().usage
    embedded, ranked = client.embed(DOCUMENTS), client.rerank(QUESTIONS[0], DOCUMENTS)

    assert embedded.usage.prompt_tokens > 20
    assert embedded.usage.cost == pytest.approx(embedded.usage.prompt_tokens * 0.01 / 1e6)
    assert (ranked.usage.search_units, ranked.usage.cost) == (1, 0.001)
    assert client.key().usage - before == pytest.approx(embedded.usage.cost + 0.001)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/embeddings", {"input": []}),
        ("/embeddings", {"input": [""]}),
        ("/embeddings", {"input": [1, 2]}),
        ("/embeddings", {"input": ["text"] * 2049}),
        ("/embeddings", {"input": "text", "dimensions": 0}),
        ("/embeddings", {"input": "text", "encoding_format": "int8"}),
        ("/embeddings", {"input": "text", "model": "no/model"}),
        ("/embeddings", {"input": "word " * 10_000}),
        ("/rerank", {"query": "", "documents": DOCUMENTS}),
        ("/rerank", {"query": "When?", "documents": []}),
        ("/rerank", {"query": "When?", "documents": DOCUMENTS, "top_n": 0}),
        ("/rerank", {"query": "When?", "documents": DOCUMENTS, "model": "no/model"}),
    ],
)
def test_what_openrouter_refuses_is_refused(post, path, body):
    model = "baai/bge-m3" if path == "/embeddings" else "cohere/rerank-v3.5"
    response = post(path, **{"model": model, **body})

    assert (response.status_code, "error" in response.json()) == (400, True)


def test_a_model_of_another_kind_is_not_found(client):
    with pytest.raises(NotFoundError):
        client.embed(DOCUMENTS, model="z-ai/glm-4.6")
    with pytest.raises(NotFoundError):
        client.rerank("When?", DOCUMENTS, model="baai/bge-m3")


def test_the_models_are_listed(client):
    rows = client.embedding_models()

    assert rows[0].id == "baai/bge-m3"
    assert rows[0].context_length == 8192
    assert rows[0].pricing.prompt == pytest.approx(0.01)

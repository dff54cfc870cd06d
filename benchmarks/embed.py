"""CPU and time for the vectors of many texts, beside OpenAI's classes on the same server and beside `json.loads`."""

import argparse
import asyncio
import json
import resource
import time
from array import array
from collections.abc import Callable, Iterable
from typing import Any

from _figures import Figures, Table, add_option
from _measure import KEY, Child, median, running_server, take_turns
from server import DIMENSIONS, embeddings

TEXTS = 10_000
BATCH = 96


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=CONTENDERS, help="who is measured")
    parser.add_argument("--child", nargs=2, metavar=("NAME", "URL"), help=argparse.SUPPRESS)
    add_option(parser)
    options = parser.parse_args()
    if options.child:
        be_child(*options.child)
        return
    figures = Figures("embed", options)
    with running_server() as url:
        turns = measure(url, options.only or CONTENDERS, options.repeat)
    medians = {name: map(median, zip(*each, strict=True)) for name, each in turns.items()}
    rows = {name: dict(zip(COLUMNS, each, strict=True)) for name, each in medians.items()}
    title = f"{TEXTS:,} texts, {DIMENSIONS:,} dimensions, {BATCH} texts a request (times ours)"
    figures.add("vectors", title, Table(COLUMNS, rows, COMPARED_WITH, compared=["cpu"]))


COLUMNS = {"cpu": "CPU: s", "wall": "wall: s", "peak": "peak memory: MB"}


def measure(
    url: str, names: Iterable[str], repeat: int
) -> dict[str, list[tuple[float, float, float]]]:
    """Let all contenders take turns; return seconds of CPU, seconds and peak MB of each turn."""
    children = {name: Child("embed.py", "--child", name, url) for name in names}
    figures: dict[str, list[tuple[float, float, float]]] = {name: [] for name in children}
    try:
        for child in children.values():
            child.read()
        for _ in range(repeat):
            for name, child in children.items():
                figures[name].append(tuple(json.loads(child.ask())))
    finally:
        for child in children.values():
            child.__exit__()
    return figures


def be_child(name: str, url: str) -> None:
    texts = [f"Text number {at} of many that are to be found again." for at in range(TEXTS)]
    embed = CONTENDERS[name](f"{url}/api/v1")
    embed(texts[:BATCH])

    def turn() -> str:
        cpu, wall = time.process_time(), time.perf_counter()
        vectors = embed(texts)
        took = time.process_time() - cpu, time.perf_counter() - wall
        assert (len(vectors), len(vectors[0])) == (TEXTS, DIMENSIONS)
        return json.dumps([*took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024])

    take_turns(turn)


Embed = Callable[[list[str]], Any]


def only_json(_: str) -> Embed:
    """Read the same numbers, in decimals, with nothing around them."""
    answers = {
        count: embeddings(count, "float").split(b"\r\n\r\n", 1)[1]
        for count in {BATCH, TEXTS % BATCH}
    }

    def embed(texts: list[str]) -> Any:
        counts = [min(BATCH, len(texts) - at) for at in range(0, len(texts), BATCH)]
        read = [json.loads(answers[count])["data"] for count in counts]
        return [row["embedding"] for rows in read for row in rows]

    return embed


def lists_from_memory(_: str) -> Embed:
    """Make the lists of floats that both frameworks want, of vectors that are there."""
    vector = array("f", [0.03] * DIMENSIONS)
    return lambda texts: [vector.tolist() for _ in texts]


def llamaindex_alone(_: str) -> Any:
    """LlamaIndex with a class whose vectors are there."""
    from llama_index.core.base.embeddings.base import BaseEmbedding

    vector = array("f", [0.03] * DIMENSIONS)

    class FromMemory(BaseEmbedding):
        def _get_query_embedding(self, _query: str) -> list[float]:
            return vector.tolist()

        async def _aget_query_embedding(self, _query: str) -> list[float]:
            return vector.tolist()

        def _get_text_embedding(self, _text: str) -> list[float]:
            return vector.tolist()

    return FromMemory(embed_batch_size=BATCH)


def core(url: str) -> Embed:
    from glm_openrouter import Client

    client = Client(api_key=KEY, base_url=url)
    return lambda texts: client.embed(texts).vectors


def langchain_ours(url: str) -> Any:
    from langchain_glm import OpenRouterEmbeddings

    return OpenRouterEmbeddings(api_key=KEY, base_url=url)


def langchain_peer(url: str) -> Any:
    from langchain_openai import OpenAIEmbeddings

    return OpenAIEmbeddings(
        model="baai/bge-m3",
        api_key=KEY,
        base_url=url,
        chunk_size=BATCH,
        check_embedding_ctx_length=False,  # else it sends ids of tokens, which OpenRouter does not answer
    )


def llamaindex_ours(url: str) -> Any:
    from llamaindex_glm import OpenRouterEmbedding

    return OpenRouterEmbedding(api_key=KEY, api_base=url)


def llamaindex_peer(url: str) -> Any:
    from llama_index.embeddings.openai import OpenAIEmbedding

    return OpenAIEmbedding(
        model_name="baai/bge-m3", api_key=KEY, api_base=url, embed_batch_size=BATCH, num_workers=4
    )


def call(make: Callable[[str], Any], method: str) -> Callable[[str], Embed]:
    """Return a contender that calls a method of an object."""

    def contender(url: str) -> Embed:
        embed = getattr(make(url), method)
        if asyncio.iscoroutinefunction(embed):
            return lambda texts: asyncio.run(embed(texts))
        return embed

    return contender


CONTENDERS: dict[str, Callable[[str], Embed]] = {
    "json.loads of the same numbers": only_json,
    "lists of floats, vectors from memory": lists_from_memory,
    "LlamaIndex alone, vectors from memory": call(llamaindex_alone, "get_text_embedding_batch"),
    "Client.embed": core,
    "OpenRouterEmbeddings": call(langchain_ours, "embed_documents"),
    "OpenAIEmbeddings": call(langchain_peer, "embed_documents"),
    "OpenRouterEmbeddings, async": call(langchain_ours, "aembed_documents"),
    "OpenAIEmbeddings, async": call(langchain_peer, "aembed_documents"),
    "OpenRouterEmbedding": call(llamaindex_ours, "get_text_embedding_batch"),
    "OpenAIEmbedding": call(llamaindex_peer, "get_text_embedding_batch"),
    "OpenRouterEmbedding, async": call(llamaindex_ours, "aget_text_embedding_batch"),
    "OpenAIEmbedding, async": call(llamaindex_peer, "aget_text_embedding_batch"),
}
COMPARED_WITH = {
    **{name: name.replace("OpenAI", "OpenRouter") for name in CONTENDERS},
    "json.loads of the same numbers": "OpenRouterEmbeddings",
    "lists of floats, vectors from memory": "OpenRouterEmbeddings",
    "LlamaIndex alone, vectors from memory": "OpenRouterEmbedding",
}
"""Contender -> ours that is meant by `times ours`."""


if __name__ == "__main__":
    main()

"""Ray and LlamaIndex: documents are split, keywords extracted and vectors made, each chunk a row of its own."""

from typing import Any

import ray
from llama_index.core import Document
from llama_index.core.extractors import KeywordExtractor
from llama_index.core.ingestion import arun_transformations
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import TransformComponent

from glm_openrouter.ray import ask
from llamaindex_glm import GLM, OpenRouterEmbedding

TEXTS = [
    "Bees find their way home by the sun. On cloudy days they see how its light is polarised. Near the hive they know "
    "trees and roofs.",
    "Bread rises because yeast eats sugar and breathes out gas. Gluten holds the bubbles. In the oven they grow, until "
    "the crust is firm.",
]


def make_steps() -> list[TransformComponent]:
    """Return what a document goes through, made where it is needed: a splitter does not survive a pickle."""
    return [
        SentenceSplitter(chunk_size=32, chunk_overlap=0),
        KeywordExtractor(llm=GLM(), keywords=3, show_progress=False),
        OpenRouterEmbedding(),
    ]


async def ingest(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the chunks of a document as rows."""
    document = Document(text=row["text"], id_=str(row["id"]))
    nodes = await arun_transformations([document], make_steps())
    return [
        {
            "text": node.get_content(),
            "keywords": node.metadata["excerpt_keywords"],
            "vector": node.embedding,
        }
        for node in nodes
    ]


def main() -> None:
    ray.init()
    texts = ray.data.from_items([{"id": number, "text": text} for number, text in enumerate(TEXTS)])
    for row in ask(texts, ingest, flat=True).take_all():
        print(f"{row['id']}: {row['text']}\n   {row['keywords']} ({len(row['vector'])} dimensions)")


if __name__ == "__main__":
    main()

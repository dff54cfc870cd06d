"""LlamaIndex: an answer from Markdown files that names its sources."""

from pathlib import Path

from llama_index.core import SimpleDirectoryReader
from llama_index.core.node_parser import MarkdownNodeParser
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.retrievers.bm25 import BM25Retriever

from llamaindex_glm import GLM

DOCS = Path(__file__).parent.parent / "docs"


def main() -> None:
    documents = SimpleDirectoryReader(DOCS, required_exts=[".md"]).load_data()
    nodes = MarkdownNodeParser().get_nodes_from_documents(documents)
    retriever = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=3)
    engine = RetrieverQueryEngine.from_args(retriever, llm=GLM(), streaming=True)

    response = engine.query("What happens to a tool call that was cut off?")
    for text in response.response_gen:
        print(text, end="", flush=True)
    print("\n\nSources:")
    for node in response.source_nodes:
        heading = node.text.splitlines()[0].lstrip("# ")
        print(f"- {node.metadata['file_name']}: {heading} ({node.score:.2f})")


if __name__ == "__main__":
    main()

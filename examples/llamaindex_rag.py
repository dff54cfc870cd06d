"""LlamaIndex: an answer that cites Markdown files: vectors and words search, a reranker picks."""

from pathlib import Path

from chromadb import EphemeralClient
from llama_index.core import SimpleDirectoryReader, StorageContext, VectorStoreIndex
from llama_index.core.node_parser import MarkdownNodeParser, TokenTextSplitter
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.retrievers.bm25 import BM25Retriever
from llama_index.vector_stores.chroma import ChromaVectorStore

from llamaindex_glm import GLM, OpenRouterEmbedding, OpenRouterRerank

DOCS = Path(__file__).parent.parent / "docs"


def main() -> None:
    documents = SimpleDirectoryReader(DOCS, required_exts=[".md"]).load_data()
    nodes = MarkdownNodeParser().get_nodes_from_documents(documents)
    collection = EphemeralClient().create_collection("llamaindex_rag", embedding_function=None)
    store = StorageContext.from_defaults(vector_store=ChromaVectorStore(collection))
    index = VectorStoreIndex(nodes, storage_context=store, embed_model=OpenRouterEmbedding())
    words = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=4)
    searches = [index.as_retriever(similarity_top_k=4), words]
    fusion = {"mode": "reciprocal_rerank", "num_queries": 1, "similarity_top_k": 8}
    hybrid = QueryFusionRetriever(searches, llm=GLM(), use_async=False, **fusion)
    engine = CitationQueryEngine.from_args(
        index,
        llm=GLM(),
        retriever=hybrid,
        text_splitter=TokenTextSplitter(chunk_size=512),
        node_postprocessors=[OpenRouterRerank(top_n=3)],
        streaming=True,
    )

    response = engine.query("What happens to a tool call that was cut off?")
    for text in response.response_gen:
        print(text, end="", flush=True)
    print("\n\nSources:")
    for number, node in enumerate(response.source_nodes, 1):
        print(f"[{number}] {node.metadata['file_name']} ({node.score:.2f})")


if __name__ == "__main__":
    main()

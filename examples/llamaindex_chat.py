"""LlamaIndex: a conversation about documents that remembers what was said."""

from llama_index.core import Document
from llama_index.core.chat_engine import CondensePlusContextChatEngine
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.node_parser import TokenTextSplitter
from llama_index.retrievers.bm25 import BM25Retriever

from llamaindex_glm import GLM

NOTES = [
    "Tea came to Lisbon in 1610. It was sold there by apothecaries.",
    "Coffee houses opened in Vienna in 1685. They served it with water.",
    "Cocoa was traded in Seville since 1585. Only nobles drank it.",
]


def main() -> None:
    llm = GLM()
    nodes = TokenTextSplitter().get_nodes_from_documents([Document(text=note) for note in NOTES])
    engine = CondensePlusContextChatEngine.from_defaults(
        retriever=BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=1),
        llm=llm,
        memory=ChatMemoryBuffer.from_defaults(llm=llm),
    )
    for question in ("When did tea come to Lisbon?", "And who sold it there?"):
        print(f"> {question}")
        response = engine.stream_chat(question)
        for text in response.response_gen:
            print(text, end="", flush=True)
        print(f"\n  from: {response.source_nodes[0].text}")


if __name__ == "__main__":
    main()

"""LlamaIndex: an agent that searches documents, and shows what it thinks, does and says."""

import asyncio
from pathlib import Path

from llama_index.core import SimpleDirectoryReader
from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ToolCallResult
from llama_index.core.node_parser import MarkdownNodeParser
from llama_index.core.tools import RetrieverTool
from llama_index.retrievers.bm25 import BM25Retriever

from llamaindex_glm import GLM

DOCS = Path(__file__).parent.parent / "docs"


async def main() -> None:
    documents = SimpleDirectoryReader(DOCS, required_exts=[".md"]).load_data()
    nodes = MarkdownNodeParser().get_nodes_from_documents(documents)
    search = RetrieverTool.from_defaults(
        BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=2),
        name="search_docs",
        description="Search the documentation of this package.",
    )
    agent = FunctionAgent(tools=[search], llm=GLM())
    handler = agent.run("What happens to a tool call that was cut off?")
    last = ""
    async for event in handler.stream_events():
        match event:
            case ToolCallResult():
                print(f"\n[search] {event.tool_kwargs['input']}")
            case AgentStream():
                for kind, text in (("thinking", event.thinking_delta), ("answer", event.delta)):
                    if text:
                        print(text if kind == last else f"\n[{kind}] {text}", end="", flush=True)
                        last = kind
    print()


if __name__ == "__main__":
    asyncio.run(main())

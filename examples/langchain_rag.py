"""LangChain: an answer that cites Markdown files: vectors and words search, a reranker picks."""

from collections.abc import Callable
from pathlib import Path

import bm25s
from langchain_chroma import Chroma
from langchain_classic.retrievers import EnsembleRetriever
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda
from langchain_text_splitters import MarkdownTextSplitter

from langchain_glm import ChatGLM, OpenRouterEmbeddings, OpenRouterRerank

PAGES = sorted((Path(__file__).parent.parent / "docs").glob("*.md"))
ASK = "Answer from these sources, and cite them: [1].\n\n<sources>\n{}\n</sources>\n\n{}"


def search_words(chunks: list[Document]) -> Callable[[str], list[Document]]:
    words = bm25s.tokenize([chunk.page_content for chunk in chunks], show_progress=False)
    bm25 = bm25s.BM25()
    bm25.index(words, show_progress=False)

    def search(query: str) -> list[Document]:
        wanted = bm25s.tokenize(query, show_progress=False)
        found, _ = bm25.retrieve(wanted, k=4, show_progress=False)
        return [chunks[number] for number in found[0]]

    return search


def main() -> None:
    pages = [Document(page.read_text(), metadata={"file": page.name}) for page in PAGES]
    chunks = MarkdownTextSplitter(chunk_size=1000).split_documents(pages)
    vectors = Chroma.from_documents(chunks, OpenRouterEmbeddings())
    searches = [vectors.as_retriever(), RunnableLambda(search_words(chunks))]
    hybrid = EnsembleRetriever(retrievers=searches, weights=[0.5, 0.5])

    question = "What happens to a tool call that was cut off?"
    found = OpenRouterRerank(top_n=3).compress_documents(hybrid.invoke(question), question)
    sources = "\n\n".join(f"Source {n}:\n{each.page_content}" for n, each in enumerate(found, 1))
    for chunk in ChatGLM().stream(ASK.format(sources, question)):
        print(chunk.text, end="", flush=True)
    print("\n\nSources:")
    for number, each in enumerate(found, 1):
        print(f"[{number}] {each.metadata['file']} ({each.metadata['relevance_score']:.2f})")


if __name__ == "__main__":
    main()

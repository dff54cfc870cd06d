"""LangChain: a chain that shows the reasoning of the model before its answer."""

from collections.abc import Iterator

from langchain_core.messages import AIMessageChunk
from langchain_core.prompts import ChatPromptTemplate

from langchain_glm import ChatGLM


def mark_reasoning(chunks: Iterator[AIMessageChunk]) -> Iterator[str]:
    """Turn the chunks into text, with a mark where the reasoning and the answer begin."""
    marks = {"reasoning": "[thinking] ", "text": "\n[answer] "}
    for chunk in chunks:
        for block in chunk.content_blocks:
            if block["type"] in ("reasoning", "text"):
                yield marks.pop(block["type"], "") + block[block["type"]]


def main() -> None:
    prompt = ChatPromptTemplate.from_messages(
        [
            ("system", "You are a {role}. Answer in two or three sentences."),
            ("human", "{question}"),
        ]
    )
    chain = prompt | ChatGLM(temperature=0.6) | mark_reasoning

    question = "Why is the sky blue at noon and red in the evening?"
    for text in chain.stream({"role": "physics teacher", "question": question}):
        print(text, end="", flush=True)
    print()


if __name__ == "__main__":
    main()

"""LangGraph: a graph that remembers its conversation and streams every word."""

from typing import Annotated, TypedDict

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages

from langchain_glm import ChatGLM


class Conversation(TypedDict):
    messages: Annotated[list[BaseMessage], add_messages]


def answer(state: Conversation) -> dict[str, list[BaseMessage]]:
    return {"messages": [ChatGLM().invoke(state["messages"])]}


def main() -> None:
    graph = StateGraph(Conversation)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    app = graph.compile(checkpointer=InMemorySaver())

    thread = {"configurable": {"thread_id": "tea-1"}}
    for question in ("How do I brew green tea?", "And what did I just ask?"):
        print(f"> {question}")
        given = {"messages": [("user", question)]}
        for chunk, _ in app.stream(given, thread, stream_mode="messages"):
            print(chunk.text, end="", flush=True)
        print()
    print(len(app.get_state(thread).values["messages"]), "messages are remembered.")


if __name__ == "__main__":
    main()

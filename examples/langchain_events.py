"""LangChain: everything an agent does, as it happens: thoughts, words, calls and what they cost."""

import warnings

from langchain.agents import create_agent

from langchain_glm import ChatGLM

warnings.filterwarnings("ignore", "The .* is (in beta|experimental)")  # LangChain's own events


def get_weather(city: str) -> str:
    """Get the current weather in a city."""
    return f"21 degrees Celsius and light clouds in {city}"


def main() -> None:
    agent = create_agent(ChatGLM(), tools=[get_weather])
    question = {"messages": [("user", "What is the weather in Paris?")]}
    for message in agent.stream_events(question, version="v3").messages:
        print("[thinking]", end=" ")
        for text in message.reasoning:
            print(text, end="", flush=True)
        print("\n[answer]", end=" ")
        for text in message.text:
            print(text, end="", flush=True)
        print()
        for call in message.tool_calls.get():
            print(f"[call] {call['name']} {call['args']}")
        cost = message.output.response_metadata["cost"]
        print(f"[cost] {cost:.6f} USD, {message.output.usage_metadata['total_tokens']} tokens")


if __name__ == "__main__":
    main()

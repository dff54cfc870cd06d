"""LangChain: an agent that calls two tools before it answers."""

from langchain.agents import create_agent

from langchain_glm import ChatGLM


def get_weather(city: str) -> str:
    """Get the current weather in a city."""
    return f"{city}: 21 degrees Celsius, light clouds."


def multiply(a: int, b: int) -> int:
    """Multiply two whole numbers."""
    return a * b


def main() -> None:
    agent = create_agent(ChatGLM(), tools=[get_weather, multiply])
    question = "What is the weather in Paris? And what is 17 multiplied by 23?"
    steps = agent.stream({"messages": [("user", question)]}, stream_mode="updates")
    for step in steps:
        for update in step.values():
            for message in update["messages"]:
                message.pretty_print()


if __name__ == "__main__":
    main()

"""LlamaIndex: an agent that calls two tools, and its events."""

import asyncio

from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ToolCall, ToolCallResult

from llamaindex_glm import GLM


def get_weather(city: str) -> str:
    """Get the current weather in a city."""
    return f"{city}: 21 degrees Celsius, light clouds."


def multiply(a: int, b: int) -> int:
    """Multiply two whole numbers."""
    return a * b


async def main() -> None:
    agent = FunctionAgent(tools=[get_weather, multiply], llm=GLM())
    handler = agent.run("What is the weather in Paris? And what is 17 multiplied by 23?")
    async for event in handler.stream_events():
        match event:
            case ToolCallResult():
                print(f"{event.tool_name} returned {event.tool_output.content}")
            case ToolCall():
                print(f"{event.tool_name} is called with {event.tool_kwargs}")
            case AgentStream(delta=text):
                print(text, end="", flush=True)
    print()
    await handler


if __name__ == "__main__":
    asyncio.run(main())

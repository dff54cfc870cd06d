"""LlamaIndex: two agents that hand a task over to each other, back and forth."""

import asyncio

from llama_index.core.agent.workflow import AgentOutput, AgentWorkflow, FunctionAgent

from llamaindex_glm import GLM


def get_weather(city: str) -> str:
    """Get the current weather in a city."""
    return f"21 degrees Celsius in {city}"


def multiply(a: int, b: int) -> int:
    """Multiply two whole numbers."""
    return a * b


async def main() -> None:
    forecaster = FunctionAgent(
        name="Forecaster",
        description="Looks up the weather in cities",
        tools=[get_weather],
        llm=GLM(),
    )
    calculator = FunctionAgent(
        name="Calculator", description="Multiplies numbers", tools=[multiply], llm=GLM()
    )
    office = AgentWorkflow(agents=[forecaster, calculator], root_agent="Forecaster")

    handler = office.run("Multiply 17 and 23, then get the weather in Oslo.")
    async for event in handler.stream_events():
        if isinstance(event, AgentOutput) and event.response.content:
            print(f"{event.current_agent_name}: {event.response.content.strip()}")
    await handler


if __name__ == "__main__":
    asyncio.run(main())

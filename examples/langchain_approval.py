"""LangChain: an agent that asks before it acts, and goes on where it was."""

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from langchain_glm import ChatGLM


def send_mail(to: str, subject: str) -> str:
    """Send a mail to an address."""
    return f"The mail {subject!r} to {to} is on its way."


def main() -> None:
    agent = create_agent(
        ChatGLM(),
        tools=[send_mail],
        middleware=[HumanInTheLoopMiddleware(interrupt_on={"send_mail": True})],
        checkpointer=InMemorySaver(),
    )
    thread = {"configurable": {"thread_id": "mail-1"}}
    question = 'Send a mail with the subject "Lunch" to ada@example.com.'

    state = agent.invoke({"messages": [("user", question)]}, thread)
    (request,) = state["__interrupt__"][0].value["action_requests"]
    print(f"May the agent call {request['name']} with {request['args']}? yes")

    state = agent.invoke(Command(resume={"decisions": [{"type": "approve"}]}), thread)
    print(state["messages"][-1].text)


if __name__ == "__main__":
    main()

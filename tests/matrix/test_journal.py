"""Both frameworks have replays without a line of their own: agents, bound tools, structured output, every surface."""

import asyncio

import pytest
from langchain.agents import create_agent
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel

from glm_openrouter import Budget, Journal, track_spend
from glm_openrouter.testing import bytes_reply
from langchain_glm import ChatGLM
from llamaindex_glm import GLM
from support.samples import ANSWER_WITH_EVERYTHING, KEY
from support.surfaces import TOOLS

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")


class City(BaseModel):
    """A city."""

    name: str


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "answers.db") as journal:
        yield journal


def test_every_surface_gives_the_same_answer_again(journal, surface, scripted_openrouter):
    server = scripted_openrouter(bytes_reply(ANSWER_WITH_EVERYTHING))
    answers = []
    for _ in range(2):
        with journal.row(1), track_spend() as spend:
            answers.append(surface.ask(server.base_url, tools=TOOLS))

    assert answers[0] == answers[1]
    assert len(server.requests) == 1
    assert (spend.total.calls, spend.total.replayed) == (0, 1)


def test_an_answer_of_one_framework_is_replayed_to_the_other(journal, offline_openrouter):
    options = {"api_key": KEY, "temperature": 0.0}
    chat = ChatGLM(base_url=offline_openrouter.base_url, **options)
    index = GLM(api_base=offline_openrouter.base_url, **options)
    with journal.row(1):
        text = chat.invoke("Why is the sky blue?").text
    with journal.row(1):
        response = index.complete("Why is the sky blue?")

    assert response.text == text
    assert response.raw["replayed"] is True
    assert len(offline_openrouter.requests) == 1


def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return f"It rains in {city}."


def run_langchain_agent(base_url):
    agent = create_agent(ChatGLM(base_url=base_url, api_key=KEY), [get_weather])
    question = {"messages": [("user", "What is the weather in Oslo?")]}
    return agent.invoke(question)["messages"][-1].text


def run_llamaindex_agent(base_url):
    async def run():
        agent = FunctionAgent(tools=[get_weather], llm=GLM(api_base=base_url, api_key=KEY))
        return str(await agent.run("What is the weather in Oslo?"))

    return asyncio.run(run())


def structure_in_langchain(base_url):
    model = ChatGLM(base_url=base_url, api_key=KEY).with_structured_output(City)
    return model.invoke("Name a city: Oslo.")


def structure_in_llamaindex(base_url):
    llm = GLM(api_base=base_url, api_key=KEY)
    return llm.structured_predict(City, PromptTemplate("Name a city: Oslo."))


@pytest.mark.parametrize(
    "work",
    [run_langchain_agent, run_llamaindex_agent, structure_in_langchain, structure_in_llamaindex],
    ids=lambda work: work.__name__,
)
def test_work_of_several_calls_is_replayed_for_nothing(journal, offline_openrouter, work):
    with journal.row(1):
        first = work(offline_openrouter.base_url)
    sent = len(offline_openrouter.requests)
    with journal.row(1), Budget(0) as budget:
        again = work(offline_openrouter.base_url)

    assert again == first
    assert len(offline_openrouter.requests) == sent == budget.total.replayed


def test_a_batch_of_langchain_replays_in_all_its_threads(journal, offline_openrouter):
    model = ChatGLM(base_url=offline_openrouter.base_url, api_key=KEY)
    for _ in range(2):
        with journal.row(1), track_spend() as spend:
            model.batch(["Hello"] * 6)
    assert (spend.total.calls, spend.total.replayed) == (0, 6)

"""An event loop that runs already, such as that of a notebook, is no obstacle to what is synchronous."""

import pytest
from langchain.agents import create_agent
from llama_index.core import Document, SummaryIndex, VectorStoreIndex
from pydantic import BaseModel

from glm_openrouter import Budget, track_spend
from glm_openrouter.cli import main
from langchain_glm import ChatGLM, OpenRouterEmbeddings
from llamaindex_glm import GLM, OpenRouterEmbedding
from support.replies import ANSWER, TEXT

DOCUMENTS = [Document(text="Tea came to Lisbon in 1610."), Document(text="A berth costs 12 EUR.")]
QUESTION = "When did tea come to Lisbon?"


class Person(BaseModel):
    """A person that a text speaks of."""

    name: str
    age: int


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"It rains in {city}"


@pytest.fixture(autouse=True)
def _offline(offline_openrouter, monkeypatch):
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-of-a-test")
    monkeypatch.setenv("OPENROUTER_API_BASE", offline_openrouter.base_url)
    offline_openrouter.answer = None


async def test_every_synchronous_way_to_ask_answers_in_a_loop(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url)
    assert model_class.call(model) == TEXT
    assert len(list(model_class.stream(model))) > 1


async def test_a_chat_model_answers_in_a_loop():
    with track_spend() as spend, Budget(5):
        assert [answer.text for answer in ChatGLM().batch(["What is 2 + 2?"] * 3)] == [
            "2 + 2 = 4"
        ] * 3
        people = ChatGLM().with_structured_output(Person)
        assert people.invoke("Ada Lovelace is 36 years old.") == Person(name="Ada Lovelace", age=36)
        agent = create_agent(ChatGLM(), tools=[get_weather])
        state = agent.invoke({"messages": [("user", "What is the weather in Oslo?")]})
        assert "It rains in Oslo" in state["messages"][-1].text
        assert len(OpenRouterEmbeddings(chunk_size=1).embed_documents(["tea", "rum"])) == 2
    assert spend.total.calls >= 7


@pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecationWarning")
async def test_query_engines_answer_in_a_loop():
    llm, vectors = GLM(), OpenRouterEmbedding()
    index = VectorStoreIndex.from_documents(DOCUMENTS, embed_model=vectors)
    streaming = index.as_query_engine(llm=llm, streaming=True, similarity_top_k=1)
    with track_spend() as spend:
        assert "1610" in "".join(streaming.query(QUESTION).response_gen)
        assert "1610" in str(
            SummaryIndex.from_documents(DOCUMENTS).as_query_engine(llm=llm).query(QUESTION)
        )
    assert spend.total.calls >= 2


async def test_the_batch_command_runs_in_a_loop(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text('{"id": 1, "text": "It broke."}\n')
    with track_spend() as spend:
        assert main(["batch", "rows.jsonl", "labels.jsonl", "--prompt", "Label: {text}"]) == 0
    assert spend.total.calls == 1
    assert "1 of 1 rows are done" in capsys.readouterr().out

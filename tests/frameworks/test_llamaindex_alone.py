"""What we need of LlamaIndex works without us: what fails here is not ours to mend."""

import json
from typing import Any

import pytest
from llama_index.core import Document, MockEmbedding, VectorStoreIndex
from llama_index.core.agent.workflow import ReActAgent
from llama_index.core.llms import ChatMessage, CompletionResponse, LLMMetadata, MockLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.workflow import Context

from support.known_faults import CHAT_MEMORY_IS_NOT_STORED

# LlamaIndex looks at every attribute of an agent, and asks its own workflows what is deprecated there.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecationWarning",
    "ignore:is_running called from within a step:DeprecationWarning",
)


class Answering(MockLLM):
    """A model that gives the answer of a ReAct agent."""

    def _generate_text(self, length: int) -> str:
        return "Thought: I can answer without using any more tools.\nAnswer: Your name is Ada."

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self._generate_text(0))

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=False)


@CHAT_MEMORY_IS_NOT_STORED
def test_a_chat_memory_survives_as_json() -> None:
    memory = ChatMemoryBuffer.from_defaults(token_limit=1000, tokenizer_fn=str.split)
    memory.put(ChatMessage("My name is Ada."))
    assert ChatMemoryBuffer.from_string(memory.to_string()).get_all() == memory.get_all()


def test_a_message_survives_as_json() -> None:
    message = ChatMessage("My name is Ada.", additional_kwargs={"kept": [1]})
    assert ChatMessage.model_validate_json(message.model_dump_json()) == message


@CHAT_MEMORY_IS_NOT_STORED
async def test_a_stored_context_holds_what_an_agent_was_told() -> None:
    agent = ReActAgent(tools=[], llm=Answering(), streaming=False)
    context = Context(agent)
    await agent.run("My name is Ada.", ctx=context)
    assert "My name is Ada." in json.dumps(context.to_dict())


def test_a_query_engine_answers() -> None:
    index = VectorStoreIndex.from_documents(
        [Document(text="Tea came to Lisbon in 1610.")], embed_model=MockEmbedding(embed_dim=3)
    )
    answer = index.as_query_engine(llm=MockLLM()).query("When did tea come to Lisbon?")
    assert "Tea came to Lisbon in 1610." in str(answer)

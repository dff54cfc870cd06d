"""Query engines, chat engines and pipelines of LlamaIndex, with retrieval and embedding offline."""

import asyncio
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
from llama_index.core import Document, Settings, SummaryIndex, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.extractors import (
    KeywordExtractor,
    PydanticProgramExtractor,
    QuestionsAnsweredExtractor,
    SummaryExtractor,
    TitleExtractor,
)
from llama_index.core.indices.prompt_helper import PromptHelper
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.node_parser import TokenTextSplitter
from llama_index.core.program import FunctionCallingProgram, LLMTextCompletionProgram
from llama_index.core.query_engine import (
    CitationQueryEngine,
    RouterQueryEngine,
    SubQuestionQueryEngine,
)
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.selectors import (
    LLMMultiSelector,
    LLMSingleSelector,
    PydanticMultiSelector,
    PydanticSingleSelector,
)
from llama_index.core.tools import QueryEngineTool, RetrieverTool
from llama_index.retrievers.bm25 import BM25Retriever
from packaging.version import Version
from pydantic import BaseModel

from glm_openrouter.testing import OfflineServer, ReceivedRequest
from llamaindex_glm import GLM, OpenRouterEmbedding
from support.llamaindex_models import llm_for
from support.samples import KEY

NOTES = {
    "tea": "Tea came to Lisbon in 1610. It was sold by apothecaries.",
    "coffee": "Coffee houses opened in Vienna in 1685. They served it with water.",
    "cocoa": "Cocoa was traded in Seville since 1585. Only nobles drank it.",
}
DOCUMENTS = [Document(text=text, metadata={"subject": name}) for name, text in NOTES.items()]
QUESTION = "When did tea come to Lisbon?"


def embedding_for(server: OfflineServer) -> OpenRouterEmbedding:
    return OpenRouterEmbedding(api_key=KEY, api_base=server.base_url)


def chats_of(server: OfflineServer) -> list[ReceivedRequest]:
    """Return the requests to the model, without those for vectors."""
    return [request for request in server.requests if request.path.endswith("/chat/completions")]


@pytest.fixture
def llm(offline_openrouter: OfflineServer) -> Iterator[GLM]:
    """The model, which is also that of `Settings`."""
    llm = llm_for(offline_openrouter)
    before = Settings._llm
    Settings.llm = llm
    yield llm
    Settings._llm = before


@pytest.fixture
def index(offline_openrouter: OfflineServer) -> VectorStoreIndex:
    embedding = embedding_for(offline_openrouter)
    return VectorStoreIndex.from_documents(DOCUMENTS, embed_model=embedding)


@pytest.fixture(params=["sync", "async"])
def is_async(request: pytest.FixtureRequest) -> Any:
    return request.param == "async"


@pytest.fixture
def run(is_async: bool) -> Any:
    """Call a method, or its asynchronous twin.

    The synchronous one runs in a thread: where a loop runs, LlamaIndex would make one more, and not close it well.
    """

    async def run(target: Any, name: str, *arguments: Any, **named: Any) -> Any:
        if is_async:
            return await getattr(target, f"a{name}")(*arguments, **named)
        return await asyncio.to_thread(getattr(target, name), *arguments, **named)

    return run


@pytest.fixture
def query(run: Any) -> Any:
    """Query an engine, streaming or not; return the pieces of the answer."""

    async def query(engine: Any, question: str = QUESTION) -> list[str]:
        response = await run(engine, "query", question)
        if hasattr(response, "async_response_gen"):
            return [piece async for piece in response.async_response_gen()]
        if hasattr(response, "response_gen"):
            return list(response.response_gen)
        return [str(response)]

    return query


@pytest.fixture(params=[True, False], ids=["streamed", "whole"])
def chat(request: pytest.FixtureRequest, run: Any) -> Any:
    """Talk to a chat engine, in each of the four ways; return what it says."""

    async def chat(engine: Any, text: str) -> str:
        if not request.param:
            return str(await run(engine, "chat", text))
        response = await run(engine, "stream_chat", text)
        if response.achat_stream is not None:
            return "".join([piece async for piece in response.async_response_gen()])
        return "".join(response.response_gen)

    return chat


STREAMING_MODES = {"compact": 1, "refine": 3, "tree_summarize": 1, "simple_summarize": 1}
WHOLE_MODES = {**STREAMING_MODES, "accumulate": 3, "compact_accumulate": 1}


@pytest.mark.parametrize(("mode", "calls"), WHOLE_MODES.items())
async def test_each_response_mode_answers(
    llm: GLM,
    index: VectorStoreIndex,
    query: Any,
    mode: Any,
    calls: int,
    offline_openrouter: OfflineServer,
) -> None:
    engine = index.as_query_engine(llm=llm, response_mode=mode, similarity_top_k=3)
    (answer,) = await query(engine)
    assert "Tea came to Lisbon in 1610." in answer
    assert len(chats_of(offline_openrouter)) == calls


@pytest.mark.usefixtures("separate_reads")
@pytest.mark.parametrize(("mode", "calls"), STREAMING_MODES.items())
async def test_each_response_mode_that_can_stream_does(
    llm: GLM,
    index: VectorStoreIndex,
    query: Any,
    mode: Any,
    calls: int,
    offline_openrouter: OfflineServer,
) -> None:
    engine = index.as_query_engine(llm=llm, response_mode=mode, streaming=True, similarity_top_k=3)
    pieces = await query(engine)
    assert len(pieces) > 5
    assert "Tea came to Lisbon in 1610." in "".join(pieces)
    assert len(chats_of(offline_openrouter)) == calls


@pytest.mark.parametrize("mode", ["no_text", "context_only"])
async def test_modes_without_an_answer_ask_no_model(
    llm: GLM,
    index: VectorStoreIndex,
    query: Any,
    mode: Any,
    offline_openrouter: OfflineServer,
) -> None:
    (text,) = await query(index.as_query_engine(response_mode=mode))
    assert (NOTES["tea"] in text) == (mode == "context_only")
    assert not chats_of(offline_openrouter)


async def test_the_generation_mode_answers_without_context(
    llm: GLM, index: VectorStoreIndex, query: Any, offline_openrouter: OfflineServer
) -> None:
    await query(index.as_query_engine(llm=llm, response_mode="generation"))
    (request,) = chats_of(offline_openrouter)
    assert request.body["messages"] == [{"role": "user", "content": QUESTION}]


async def test_the_model_of_the_settings_is_the_model_of_everything(
    llm: GLM, index: VectorStoreIndex, query: Any
) -> None:
    assert await query(index.as_query_engine(similarity_top_k=1)) == ["Tea came to Lisbon in 1610."]


class Arrival(BaseModel):
    """When something came to a place."""

    city: str
    year: int


async def test_an_answer_may_be_an_object(llm: GLM, index: VectorStoreIndex, run: Any) -> None:
    engine = index.as_query_engine(llm=llm, output_cls=Arrival, similarity_top_k=1)
    response = await run(engine, "query", QUESTION)
    assert response.response == Arrival(city="Lisbon", year=1610)


def test_engines_keep_room_for_thinking_and_answer() -> None:
    helper = PromptHelper.from_llm_metadata(GLM(api_key="sk-or-test").metadata)
    assert (helper.context_window, helper.num_output) == (202_752, 16_384)
    small = GLM(api_key="sk-or-test", context_window=4000, max_tokens=500)
    helper = PromptHelper.from_llm_metadata(small.metadata)
    assert (helper.context_window, helper.num_output) == (4000, 500)


async def test_context_beyond_the_window_takes_several_calls(
    offline_openrouter: OfflineServer, query: Any
) -> None:
    llm = llm_for(offline_openrouter, context_window=1000)
    drinks = ("milk", "mead", "mocha", "malt")
    filler = [Document(text=f"Nothing is known of {drink}. " * 60) for drink in drinks]
    engine = SummaryIndex([*filler, DOCUMENTS[0]]).as_query_engine(llm=llm)
    (answer,) = await query(engine)
    assert answer == "Tea came to Lisbon in 1610."
    assert len(chats_of(offline_openrouter)) > 1


keeps_thoughts = pytest.mark.skipif(
    Version(version("llama-index-core")) < Version("0.14.24"),
    reason="before 0.14.24 the streams of SimpleChatEngine fail, whatever the model, if it thinks",
)
CHAT_MODES = ["context", "condense_question", "condense_plus_context"]


@pytest.mark.parametrize("mode", CHAT_MODES)
async def test_a_chat_engine_answers_a_follow_up_from_the_documents(
    llm: GLM, index: VectorStoreIndex, chat: Any, mode: Any
) -> None:
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    engine = index.as_chat_engine(chat_mode=mode, llm=llm, memory=memory, similarity_top_k=1)
    assert await chat(engine, QUESTION) == "Tea came to Lisbon in 1610."
    assert "It was sold by apothecaries." in await chat(engine, "And who sold it in Lisbon?")
    assert [message.role.value for message in engine.chat_history] == ["user", "assistant"] * 2


async def test_a_question_is_condensed_so_that_it_finds_its_documents(
    llm: GLM, index: VectorStoreIndex, chat: Any, offline_openrouter: OfflineServer
) -> None:
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    engine = index.as_chat_engine(
        chat_mode="condense_plus_context", llm=llm, memory=memory, similarity_top_k=1
    )
    await chat(engine, QUESTION)
    await chat(engine, "And who sold it there?")
    _, condense, answer = (request.body["messages"] for request in chats_of(offline_openrouter))
    assert "Standalone question:" in condense[0]["content"]
    assert NOTES["tea"] in answer[0]["content"]
    assert [message["role"] for message in answer] == ["system", "user", "assistant", "user"]


@pytest.mark.parametrize("reasoning", [False, pytest.param(True, marks=keeps_thoughts)])
async def test_a_simple_chat_engine_remembers(
    offline_openrouter: OfflineServer, index: VectorStoreIndex, chat: Any, reasoning: bool
) -> None:
    llm = llm_for(offline_openrouter, reasoning=reasoning)
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    engine = index.as_chat_engine(chat_mode="simple", llm=llm, memory=memory)
    await chat(engine, "My name is Ada.")
    assert "Ada" in await chat(engine, "What is my name?")


def engine_tools(llm: GLM) -> list[QueryEngineTool]:
    """Return one query engine for each document."""
    return [
        QueryEngineTool.from_defaults(
            SummaryIndex.from_documents([document]).as_query_engine(llm=llm),
            name=document.metadata["subject"],
            description=f"The history of {document.metadata['subject']}",
        )
        for document in DOCUMENTS
    ]


@pytest.mark.parametrize(
    "selector",
    [PydanticSingleSelector, PydanticMultiSelector, LLMSingleSelector, LLMMultiSelector],
)
async def test_a_router_asks_the_engine_that_fits(llm: GLM, query: Any, selector: Any) -> None:
    engine = RouterQueryEngine.from_defaults(
        engine_tools(llm), llm=llm, selector=selector.from_defaults(llm=llm)
    )
    assert await query(engine, "When did coffee houses open in Vienna?") == [
        "Coffee houses opened in Vienna in 1685."
    ]


async def test_a_question_is_split_over_several_engines(llm: GLM, query: Any) -> None:
    engine = SubQuestionQueryEngine.from_defaults(
        engine_tools(llm),
        llm=llm,
        question_gen=LLMQuestionGenerator.from_defaults(llm=llm),
        verbose=False,
    )
    question = "When did tea come to Lisbon and when did coffee houses open in Vienna?"
    assert await query(engine, question) == [
        "Tea came to Lisbon in 1610. Coffee houses opened in Vienna in 1685."
    ]


@pytest.mark.parametrize("streaming", [True, False])
async def test_an_answer_cites_its_sources_by_number(
    llm: GLM, index: VectorStoreIndex, query: Any, streaming: bool
) -> None:
    engine = CitationQueryEngine.from_args(
        index,
        llm=llm,
        similarity_top_k=3,
        streaming=streaming,
        text_splitter=TokenTextSplitter(chunk_size=512),
    )
    assert "".join(await query(engine)) == "Tea came to Lisbon in 1610 [1]."


@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")  # of LlamaIndex
@pytest.mark.parametrize("kind", ["vectors", "words", "engine"])
async def test_an_agent_answers_from_a_retriever_or_an_engine(
    llm: GLM, index: VectorStoreIndex, kind: str
) -> None:
    name, description = "search_history", "Search the history of drinks."
    tool: Any
    if kind == "engine":
        engine = index.as_query_engine(llm=llm)
        tool = QueryEngineTool.from_defaults(engine, name=name, description=description)
    else:
        retriever: Any = index.as_retriever(similarity_top_k=1)
        if kind == "words":
            nodes = list(index.docstore.docs.values())
            retriever = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=1)
        tool = RetrieverTool.from_defaults(retriever, name=name, description=description)
    output = await FunctionAgent(tools=[tool], llm=llm).run(QUESTION)
    assert [each.tool_kwargs for each in output.tool_calls] == [{"input": QUESTION}]
    assert "Tea came to Lisbon in 1610." in str(output)


EXTRACTED = {
    TitleExtractor: "document_title",
    KeywordExtractor: "excerpt_keywords",
    SummaryExtractor: "section_summary",
    QuestionsAnsweredExtractor: "questions_this_excerpt_can_answer",
}


@pytest.fixture
def metadata(run: Any) -> Any:
    """Run the first document through a pipeline with an extractor; return the metadata of its node."""

    async def metadata(extractor: Any) -> dict[str, Any]:
        pipeline = IngestionPipeline(transformations=[TokenTextSplitter(), extractor])
        documents = [Document(text=NOTES["tea"])]
        (node,) = await run(pipeline, "run", documents=documents)
        return dict(node.metadata)

    return metadata


@pytest.mark.parametrize(("extractor", "name"), EXTRACTED.items())
async def test_a_pipeline_writes_what_the_model_says_of_a_text(
    llm: GLM, metadata: Any, offline_openrouter: OfflineServer, extractor: Any, name: str
) -> None:
    offline_openrouter.answer = lambda prompt: "Tea" if "Tea" in prompt.user_text else "?"
    assert await metadata(extractor(llm=llm, show_progress=False)) == {name: "Tea"}


@pytest.mark.parametrize("program", [FunctionCallingProgram, LLMTextCompletionProgram])
async def test_a_pipeline_writes_the_fields_of_an_object(
    llm: GLM, metadata: Any, program: Any
) -> None:
    extract = program.from_defaults(output_cls=Arrival, llm=llm, prompt_template_str="{input}")
    extractor = PydanticProgramExtractor(program=extract, show_progress=False)
    assert await metadata(extractor) == {"city": "Lisbon", "year": 1610}


async def test_a_pipeline_embeds_what_an_index_takes(
    llm: GLM, run: Any, query: Any, offline_openrouter: OfflineServer
) -> None:
    embedding = embedding_for(offline_openrouter)
    pipeline = IngestionPipeline(
        transformations=[
            TokenTextSplitter(),
            TitleExtractor(llm=llm, show_progress=False),
            embedding,
        ]
    )
    nodes = await run(pipeline, "run", documents=DOCUMENTS)
    index = VectorStoreIndex(list(nodes), embed_model=embedding)
    assert "Tea came to Lisbon in 1610." in "".join(await query(index.as_query_engine(llm=llm)))

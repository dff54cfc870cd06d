"""`GLM`, text in and text out, on a real socket."""

import asyncio
import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.load import dumps, loads
from langchain_core.prompts import PromptTemplate

from glm_openrouter import RateLimitError
from glm_openrouter.testing import Hold, OfflineServer, json_reply, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from langchain_glm import GLM
from support.langchain_models import WAYS, Ask, Recorder, astream, llm_for, stream, ways
from support.wire import USAGE, chunk, thinks

ANSWER = [
    thinks("A capital."),
    chunk({"content": "\nOslo"}),
    chunk({"content": ", by the"}),
    chunk({"content": " fjord."}),
    chunk({}, "stop", usage=USAGE),
]


async def batch(llm: GLM, prompt: str, **arguments: Any) -> str:
    return llm.batch([prompt, prompt], **arguments)[1]


async def abatch(llm: GLM, prompt: str, **arguments: Any) -> str:
    return (await llm.abatch([prompt, prompt], **arguments))[1]


async def generate(llm: GLM, prompt: str, **arguments: Any) -> str:
    return llm.generate([prompt, prompt], **arguments).generations[1][0].text


async def agenerate(llm: GLM, prompt: str, **arguments: Any) -> str:
    return (await llm.agenerate([prompt, prompt], **arguments)).generations[1][0].text


every_text_way = ways(*WAYS, batch, abatch, generate, agenerate)


@every_text_way
async def test_a_prompt_is_answered_in_text(scripted_openrouter: StartScript, ask: Ask) -> None:
    server = scripted_openrouter(stream_reply(ANSWER))
    assert await ask(llm_for(server), "The capital of Norway is") == "Oslo, by the fjord."
    message = {"role": "user", "content": "The capital of Norway is"}
    assert all(request.body["messages"] == [message] for request in server.requests)


@every_text_way
async def test_the_answer_ends_at_a_stop_text(scripted_openrouter: StartScript, ask: Ask) -> None:
    server = scripted_openrouter(stream_reply(ANSWER))
    assert await ask(llm_for(server), "?", stop=[", by the fj"]) == "Oslo"
    assert server.requests[0].body["stop"] == [", by the fj"]


@every_text_way
async def test_stop_texts_of_the_model_hold(scripted_openrouter: StartScript, ask: Ask) -> None:
    server = scripted_openrouter(stream_reply(ANSWER))
    assert await ask(llm_for(server, stop_sequences=["fjord"]), "?") == "Oslo, by the "


@ways(stream, astream)
async def test_a_stream_is_closed_at_a_stop_text(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    server = scripted_openrouter(stream_reply([*ANSWER[:-1], Hold()], done=False))
    assert await ask(llm_for(server), "?", stop=["fjord"]) == "Oslo, by the "
    assert server.connections[0].wait_closed()


def test_what_is_beside_the_text_is_in_the_generation_info(
    scripted_openrouter: StartScript,
) -> None:
    llm = llm_for(scripted_openrouter(stream_reply(ANSWER)))
    info = llm.generate(["?"]).generations[0][0].generation_info
    assert info is not None
    assert info["reasoning_content"] == "A capital."
    assert info["usage_metadata"]["input_tokens"] == USAGE["prompt_tokens"]
    assert (info["finish_reason"], info["cost"]) == ("stop", USAGE["cost"])


@pytest.mark.usefixtures("separate_reads")
@ways(stream, astream)
async def test_callbacks_hear_each_token(scripted_openrouter: StartScript, ask: Ask) -> None:
    heard = Recorder()
    llm = llm_for(scripted_openrouter(stream_reply(ANSWER)), callbacks=[heard])
    await ask(llm, "?")
    assert heard.events == ["start", "Oslo", ", by the", " fjord.", "end"]
    assert heard.result is not None
    (generation,) = heard.result.generations[0]
    assert generation.generation_info is not None
    assert generation.generation_info["usage_metadata"]["total_tokens"] == USAGE["total_tokens"]


@ways(stream, astream)
async def test_callbacks_hear_what_came_before_an_error(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    heard = Recorder()
    error = chunk({}, "error", error={"code": 429, "message": "Slow down"})
    llm = llm_for(scripted_openrouter(stream_reply([*ANSWER[:2], error])), callbacks=[heard])
    with pytest.raises(RateLimitError):
        await ask(llm, "?")
    assert heard.events == ["start", "Oslo", "RateLimitError"]
    assert heard.result is not None
    assert heard.result.generations[0][0].text == "Oslo"


@pytest.mark.parametrize("ask", [batch, abatch], ids=["batch", "abatch"])
async def test_the_prompts_of_a_batch_are_asked_at_the_same_time(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    server = scripted_openrouter(stream_reply(ANSWER, interval=0.02))
    await ask(llm_for(server), "?")
    assert len(server.connections) == 2


async def test_a_prompt_that_fails_stops_the_others(scripted_openrouter: StartScript) -> None:
    refused = json_reply({"error": {"code": 429, "message": "Slow down"}}, 429)
    held = stream_reply([*ANSWER[:1], Hold()], done=False)
    server = scripted_openrouter(held, refused)
    with pytest.raises(RateLimitError):
        await llm_for(server).agenerate(["?", "?"])
    await asyncio.to_thread(server.connections[0].wait_closed)
    assert server.connections[0].client_left_at is not None


def test_a_cache_answers_once_more(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(stream_reply(ANSWER))
    llm = llm_for(server, cache=InMemoryCache())
    assert llm.invoke("?") == llm.invoke("?")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "setting",
    [
        {"model": "z-ai/glm-4.5"},
        {"stop": ["fjord"]},
        {"temperature": 0.5},
        {"reasoning": False},
        {"provider": {"only": ["z-ai"]}},
        {"extra_body": {"new": 1}},
        {"model_kwargs": {"new": 1}},
        {"repairs": ()},
    ],
    ids=str,
)
def test_a_cache_knows_the_settings(
    scripted_openrouter: StartScript, setting: dict[str, Any]
) -> None:
    server, cache = scripted_openrouter(stream_reply(ANSWER)), InMemoryCache()
    llm_for(server, cache=cache).invoke("?")
    llm_for(server, cache=cache, **setting).invoke("?")
    assert len(server.requests) == 2
    assert "sk-or-test" not in str(cache._cache.keys())


COPIES: dict[str, Callable[[GLM], GLM]] = {
    "pickle": lambda llm: pickle.loads(pickle.dumps(llm)),
    "deepcopy": copy.deepcopy,
    "dumps and loads": lambda llm: loads(
        dumps(llm),
        secrets_map={"OPENROUTER_API_KEY": "sk-or-test"},
        valid_namespaces=["langchain_glm"],
        allowed_objects="all",
    ),
}


@pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
@pytest.mark.parametrize("how", COPIES)
def test_a_copy_makes_the_same_call(scripted_openrouter: StartScript, how: str) -> None:
    server = scripted_openrouter(stream_reply(ANSWER))
    llm = llm_for(server, reasoning=False, provider={"data_collection": "deny"}, stop=["fjord"])
    assert "sk-or-test" not in dumps(llm)
    llm.invoke("?")
    COPIES[how](llm).invoke("?")
    first, second = server.requests
    assert first.body == second.body


def test_it_is_a_part_of_a_chain(offline_openrouter: OfflineServer) -> None:
    prompt = PromptTemplate.from_template("What is {what}?")
    assert "4" in (prompt | llm_for(offline_openrouter)).invoke({"what": "2 + 2"})

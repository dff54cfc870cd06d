"""LangSmith gets what a call cost, and nothing else that reads the usage of messages does."""

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langsmith import Client

from glm_openrouter.testing import json_reply, stream_reply
from langchain_glm import GLM, ChatGLM, CostTracer
from support.samples import KEY
from support.wire import USAGE, finishes, response_body, says, uses

STREAMED = stream_reply([says("Pier two."), finishes(), uses("B")])


class LangSmith:
    """Keeps the runs that a client of LangSmith sends, as they are at their end."""

    def __init__(self) -> None:
        runs: list[dict] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers.get("content-length", 0))
                body = self.rfile.read(length)
                if self.command == "PATCH":
                    runs.append(json.loads(body))
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_POST  # noqa: N815 -- the names that the server calls
            do_PATCH = do_POST  # noqa: N815

            def log_message(self, *_):
                pass

        self.runs = runs
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.client = Client(
            api_url=f"http://127.0.0.1:{self._server.server_port}",
            api_key="lsv2_of_a_test",
            auto_batch_tracing=False,
        )

    def usage_of_run(self) -> dict:
        """The usage of the one run of a model."""
        (run,) = [run for run in self.runs if "usage_metadata" in run["extra"]["metadata"]]
        return run["extra"]["metadata"]["usage_metadata"]

    def stop(self) -> None:
        self.client.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def langsmith() -> Iterator[LangSmith]:
    langsmith = LangSmith()
    yield langsmith
    langsmith.stop()


def chat_glm(server, **settings):
    return ChatGLM(base_url=server.base_url, api_key=KEY, **settings)


async def _drain(stream):
    return [part async for part in stream]


WAYS = {
    "invoke": lambda model, config: model.invoke("Hi", config),
    "stream": lambda model, config: list(model.stream("Hi", config)),
    "ainvoke": lambda model, config: asyncio.run(model.ainvoke("Hi", config)),
    "astream": lambda model, config: asyncio.run(_drain(model.astream("Hi", config))),
}


@pytest.mark.parametrize("way", WAYS)
def test_langsmith_gets_the_cost_of_a_call(scripted_openrouter, langsmith, way):
    server = scripted_openrouter(STREAMED)
    WAYS[way](chat_glm(server), {"callbacks": [CostTracer(client=langsmith.client)]})
    usage = langsmith.usage_of_run()

    assert usage["total_cost"] == USAGE["cost"]
    assert usage["input_tokens"] == USAGE["prompt_tokens"]
    (batch,) = langsmith.runs[0]["outputs"]["generations"]
    assert batch[0]["message"]["kwargs"]["usage_metadata"]["total_cost"] == USAGE["cost"]


def test_langsmith_gets_the_cost_of_a_text_model(scripted_openrouter, langsmith):
    server = scripted_openrouter(STREAMED)
    glm = GLM(base_url=server.base_url, api_key=KEY)
    glm.invoke("Hi", {"callbacks": [CostTracer(client=langsmith.client)]})
    usage = langsmith.usage_of_run()

    assert (usage["total_cost"], usage["input_tokens"]) == (USAGE["cost"], USAGE["prompt_tokens"])


def test_the_sum_of_langchain_still_adds_up(scripted_openrouter, langsmith):
    server = scripted_openrouter(STREAMED)
    tracer = CostTracer(client=langsmith.client)
    with get_usage_metadata_callback() as callback:
        messages = [chat_glm(server).invoke("Hi", {"callbacks": [tracer]}) for _ in range(2)]
    (usage,) = callback.usage_metadata.values()

    assert usage["input_tokens"] == 2 * USAGE["prompt_tokens"]
    assert not [message for message in messages if "total_cost" in message.usage_metadata]


def test_an_answer_out_of_langchains_cache_costs_nothing(scripted_openrouter, langsmith):
    server = scripted_openrouter(STREAMED)
    model = chat_glm(server, cache=InMemoryCache())
    model.invoke("Hi")
    model.invoke("Hi", {"callbacks": [CostTracer(client=langsmith.client)]})

    assert langsmith.usage_of_run()["total_cost"] == 0


def test_a_call_without_a_cost_gets_none(scripted_openrouter, langsmith):
    usage = {name: value for name, value in USAGE.items() if name != "cost"}
    server = scripted_openrouter(json_reply(response_body({"content": "Hi."}, usage=usage)))
    chat_glm(server).invoke("Hi", {"callbacks": [CostTracer(client=langsmith.client)]})

    assert "total_cost" not in langsmith.usage_of_run()


def test_models_of_others_are_traced_as_ever(langsmith):
    model = GenericFakeChatModel(messages=iter([AIMessage("Hi.")]))
    model.invoke("Hi", {"callbacks": [CostTracer(client=langsmith.client)]})

    assert [run["outputs"]["generations"][0][0]["text"] for run in langsmith.runs] == ["Hi."]


def test_the_tracer_takes_the_place_of_that_of_the_environment(
    scripted_openrouter, langsmith, monkeypatch
):
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    server = scripted_openrouter(STREAMED)
    chat_glm(server).invoke("Hi", {"callbacks": [CostTracer(client=langsmith.client)]})

    assert len(langsmith.runs) == 1

"""Every recipe runs by itself in an empty folder, and the web servers stop the provider when the browser leaves.

A block whose first line is the name of a file is that file; all files of the page are in the folder.
"""

import asyncio
import io
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout, suppress

import httpx
import pytest
from langfuse import Langfuse
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from glm_openrouter.testing import Hold, OfflineServer, error_reply, stream_reply, text_reply
from langchain_glm import AuthenticationError
from support.pages import RECIPES as PAGE
from support.pages import blocks_of, check_outputs
from support.served_app import ServedApp
from support.wire import USAGE, finishes, says, uses

COST_DETAILS = "langfuse.observation.cost_details"
FILE = re.compile(r"\n*# (\w+\.py)\n")

# LlamaIndex and langgraph-supervisor use what pydantic and LangGraph will take away.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:create_react_agent has been moved"),
]


def recipes():
    """Yield the Python blocks of the page, each with the heading that it stands under."""
    text = PAGE.read_text()
    headings = {
        text.count("\n", 0, match.start()): match[1]
        for match in re.finditer(r"^##+ (.*)$", text, re.MULTILINE)
    }
    for block in blocks_of(PAGE):
        line = len(block) - len(block.lstrip("\n"))
        yield headings[max(at for at in headings if at < line)], block


RECIPES = dict(recipes())


@pytest.fixture
def run_recipe(tmp_path, monkeypatch):
    """Run the block below a heading against a server, and return its names and what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-recipes")
    for block in RECIPES.values():
        if file := FILE.match(block):
            (tmp_path / file[1]).write_text(block)

    def run(heading, server):
        monkeypatch.setenv("OPENROUTER_API_BASE", server.base_url)
        namespace = {"__name__": "recipe"}
        code = compile(RECIPES[heading], str(PAGE), "exec")
        # In the main thread LlamaIndex would make an event loop that nobody closes. What is printed is not captured by
        # pytest, because mcp keeps the stderr that it finds when it is imported for the processes that it starts.
        with redirect_stdout(io.StringIO()) as printed, ThreadPoolExecutor(max_workers=1) as thread:
            thread.submit(exec, code, namespace).result()
        return namespace, printed.getvalue()

    return run


PRINTED = {
    "Leaving a stream early": "You",
    "From LangChain": "The result of get weather for Paris is: Paris: 21 degrees Celsius",
    "From LlamaIndex": "Paris: 21 degrees Celsius",
    "Deep agents": "The result of get weather for Paris is: Paris: 21 degrees Celsius",
    "A supervisor": "Successfully transferred to forecaster",
    "A swarm": "calculator says: The result of multiply for 3, 5 is: 15.",
    "Retries of a graph": "17 * 23 = 391",
    "Saving and loading a chain": "sky blue",
    "Langfuse with the exact cost": "17 * 23 = 391",
    "A resume that needs no store": "again: 2 calls, 2 of them from the cache",
    "Splitting text in a venv made by uv": "Tea came to Lisbon in 1610.",
}
SERVERS = ["With LangChain", "With LlamaIndex"]
LIMITER = "A rate limit that machines share"


def test_every_recipe_is_run():
    assert set(RECIPES) == {*PRINTED, *SERVERS, "Tools of an MCP server", LIMITER}
    assert len(list(recipes())) == len(RECIPES)


@pytest.mark.parametrize("heading", PRINTED)
@pytest.mark.usefixtures("separate_reads")
def test_the_recipe_runs_and_does_what_it_says(heading, run_recipe):
    with OfflineServer() as server:
        _, printed = run_recipe(heading, server)
    assert PRINTED[heading] in printed
    check_outputs(PAGE, [printed if each == heading else None for each in RECIPES])


@pytest.mark.redis
def test_both_frameworks_share_a_rate_limit(run_recipe, redis_server, monkeypatch):
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    with OfflineServer() as server:
        names, printed = run_recipe(LIMITER, server)
    assert "Is there room for a third at once? False" in printed
    assert isinstance(names["limiter"], names["LangChainLimiter"] | names["LlamaIndexLimiter"])
    check_outputs(PAGE, [printed if each == LIMITER else None for each in RECIPES])


def test_langfuse_gets_the_exact_cost(run_recipe, scripted_openrouter):
    exporter = InMemorySpanExporter()
    client = Langfuse(
        public_key="pk-lf-of-a-test",
        secret_key="sk-lf-of-a-test",
        span_exporter=exporter,
        tracer_provider=TracerProvider(shutdown_on_exit=False),
    )
    reply = stream_reply([says("391"), finishes(), uses("B")])
    names, _ = run_recipe("Langfuse with the exact cost", scripted_openrouter(reply, reply))
    handler, model = names["CostHandler"](), names["ChatGLM"]()
    asyncio.run(model.ainvoke("Hi", {"callbacks": [handler]}))
    client.flush()
    client.shutdown()
    costs = [span.attributes[COST_DETAILS] for span in exporter.get_finished_spans()]

    assert [json.loads(cost) for cost in costs] == [{"total": USAGE["cost"]}] * 2


@pytest.mark.parametrize("heading", SERVERS)
def test_the_web_server_streams_the_answer(heading, run_recipe, offline_openrouter):
    names, _ = run_recipe(heading, offline_openrouter)
    with ServedApp(names["app"]) as app:
        answer = httpx.get(app.url("/ask"), params={"question": "What is the weather in Paris?"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    texts = re.findall(r'^data: "(.*)"$', answer.text, re.MULTILINE)
    assert len(texts) > 1
    assert "The result of get weather for Paris is: Paris: 21 degrees" in "".join(texts)


@pytest.mark.parametrize("heading", SERVERS)
def test_the_provider_stops_when_the_browser_leaves(heading, run_recipe, scripted_openrouter):
    provider = scripted_openrouter(stream_reply([chunk("Well"), Hold()]))
    names, _ = run_recipe(heading, provider)
    with (
        ServedApp(names["app"]) as app,
        httpx.stream("GET", app.url("/ask"), params={"question": "Hi"}) as answer,
    ):
        assert next(answer.iter_lines()) == 'data: "Well"'
        answer.close()
        left_at = time.monotonic()
        assert provider.connections[0].wait_closed()
    assert provider.connections[0].client_left_at - left_at < 0.5


async def test_leaving_the_events_stops_the_provider(
    run_recipe, offline_openrouter, scripted_openrouter
):
    names, _ = run_recipe("Leaving a stream early", offline_openrouter)
    provider = scripted_openrouter(stream_reply([chunk("Well"), Hold()]))
    model = names["ChatGLM"](base_url=provider.base_url)
    names["agent"] = names["create_agent"](model, tools=[])
    await names["print_first_words"]("Hi")
    assert await asyncio.to_thread(provider.connections[0].wait_closed)


@pytest.mark.parametrize(
    ("replies", "requests"),
    [
        ([error_reply(401, "No such key")], 1),
        ([error_reply(503, "Overloaded"), text_reply("Hello")], 2),
    ],
    ids=["wrong key", "overloaded"],
)
def test_the_graph_repeats_what_may_pass_only(
    replies, requests, run_recipe, offline_openrouter, scripted_openrouter, monkeypatch
):
    names, _ = run_recipe("Retries of a graph", offline_openrouter)
    provider = scripted_openrouter(*replies)
    names["model"] = names["ChatGLM"](base_url=provider.base_url, max_retries=0)
    monkeypatch.setattr("langgraph.pregel._retry.time.sleep", lambda _: None)
    with suppress(AuthenticationError):
        names["graph"].invoke({"messages": [("user", "Hi")]})
    assert len(provider.requests) == requests


def test_no_key_is_saved_and_that_of_the_environment_is_loaded(run_recipe, offline_openrouter):
    names, _ = run_recipe("Saving and loading a chain", offline_openrouter)
    assert "sk-or-recipes" not in names["saved"]
    assert names["chain"].last == names["ChatGLM"](temperature=0.2)
    assert offline_openrouter.requests[-1].headers["authorization"] == "Bearer sk-or-recipes"


def chunk(text):
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return {"id": "gen-1", "model": "z-ai/glm-4.6", "provider": "Z.AI", "choices": [choice]}

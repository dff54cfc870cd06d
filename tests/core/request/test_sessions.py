"""Which session a request belongs to, which provider it is pinned to, and that its bytes stay the same."""

import asyncio
import itertools
import json

import pytest

from glm_openrouter import ChatRequest, InvalidRequestError, ModelParameters, session
from glm_openrouter.request._body import build_body
from glm_openrouter.request.layers import build_request
from glm_openrouter.request.messages import assistant_message, tool_call, tool_message
from glm_openrouter.testing import json_reply
from support.samples import TOOLS
from support.wire import call as wire_call
from support.wire import error, response_body

MESSAGES = [{"role": "user", "content": "Which way to the harbour?"}]


def answers(provider="Z.AI", model="z-ai/glm-4.6"):
    return json_reply({**response_body({"content": "Left."}), "provider": provider, "model": model})


def asking(**settings):
    return ChatRequest(messages=MESSAGES, **settings)


def sent(server, field="session_id"):
    return [request.body.get(field) for request in server.requests]


def test_a_request_has_the_session_of_the_block_around_it(run, scripted_openrouter):
    server = scripted_openrouter(answers())
    with session("trip-1"):
        run.complete(server.base_url, asking())
        run.stream(server.base_url, asking())
    run.complete(server.base_url, asking())

    assert sent(server) == ["trip-1", "trip-1", None]


def test_a_request_made_before_the_block_belongs_to_it_if_it_is_sent_there(
    run, scripted_openrouter
):
    server = scripted_openrouter(answers())
    request = asking()
    with session("trip-1"):
        run.complete(server.base_url, request)

    assert sent(server) == ["trip-1"]


@pytest.mark.parametrize(
    "settings", [{"session_id": "mine"}, {"extra_body": {"session_id": "mine"}}]
)
def test_a_session_of_its_own_wins_over_the_block(run, scripted_openrouter, settings):
    server = scripted_openrouter(answers())
    with session("trip-1"):
        run.complete(server.base_url, asking(**settings))

    assert sent(server) == ["mine"]


def test_the_innermost_block_wins(run, scripted_openrouter):
    server = scripted_openrouter(answers())
    with session("outer"):
        with session("inner"):
            run.complete(server.base_url, asking())
        run.complete(server.base_url, asking())

    assert sent(server) == ["inner", "outer"]


def test_a_block_without_an_id_makes_one(run, scripted_openrouter):
    server = scripted_openrouter(answers())
    with session() as first:
        run.complete(server.base_url, asking())
    with session() as second:
        run.complete(server.base_url, asking())

    assert sent(server) == [first, second]
    assert first != second


@pytest.mark.parametrize("session_id", ["", "x" * 257])
def test_an_id_that_openrouter_would_refuse_is_refused(session_id):
    with pytest.raises(InvalidRequestError, match="1 to 256 characters"), session(session_id):
        pass


def test_the_environment_is_the_last_resort(run, scripted_openrouter, monkeypatch):
    monkeypatch.setenv("OPENROUTER_SESSION_ID", "from-outside")
    server = scripted_openrouter(answers())
    run.complete(server.base_url, asking())
    with session("trip-1"):
        run.complete(server.base_url, asking())
    run.complete(server.base_url, asking(session_id="mine"))

    assert sent(server) == ["from-outside", "trip-1", "mine"]


@pytest.mark.parametrize(
    ("own", "block", "thread", "expected"),
    [
        ("own", "block", "thread", "own"),
        (None, "block", "thread", "block"),
        (None, None, "thread", "thread"),
        (None, None, None, "from-outside"),
    ],
)
def test_what_a_framework_knows_stands_between_block_and_environment(
    monkeypatch, own, block, thread, expected
):
    monkeypatch.setenv("OPENROUTER_SESSION_ID", "from-outside")
    parameters = ModelParameters(session_id=own)

    def build():
        request = build_request(MESSAGES, parameters, thread_id=thread)
        return build_body(request, stream=False)["session_id"]

    if block is None:
        assert build() == expected
    else:
        with session(block):
            assert build() == expected


def test_of_a_conversation_with_a_long_name_the_end_is_taken():
    long = "x" * 300 + "-1"
    request = build_request(MESSAGES, ModelParameters(), thread_id=long)
    assert build_body(request, stream=False)["session_id"] == long[-256:]


def test_sessions_of_tasks_do_not_mix(run, scripted_openrouter):
    server = scripted_openrouter(answers())

    async def converse(client, name):
        with session(name):
            for _ in range(3):
                await client.complete(asking(user=name))
                await asyncio.sleep(0)

    async def converse_at_once(client):
        await asyncio.gather(*(converse(client, f"trip-{number}") for number in range(5)))

    run.scenario(server.base_url, converse_at_once)
    assert sent(server) == sent(server, "user")
    assert len(set(sent(server))) == 5


async def ask_in(client, session_id, **settings):
    await client.complete(asking(session_id=session_id, **settings))


def test_by_default_no_provider_is_pinned(run, scripted_openrouter):
    server = scripted_openrouter(answers())

    async def ask_twice(client):
        await ask_in(client, "a")
        await ask_in(client, "a")

    run.scenario(server.base_url, ask_twice)
    assert sent(server, "provider") == [None, None]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Z.AI", "z-ai"),
        ("Novita", "novita"),
        ("DeepInfra", "deepinfra"),
        ("GMICloud", "gmicloud"),
        ("AtlasCloud", "atlas-cloud"),
        ("BaseTen", "baseten"),
        ("Mancer 2", "mancer"),
        ("Amazon Bedrock", "amazon-bedrock"),
    ],
)
def test_the_provider_that_answered_is_asked_first(run, scripted_openrouter, name, slug):
    server = scripted_openrouter(answers(name))

    async def ask_twice(client):
        await ask_in(client, "a")
        await ask_in(client, "a")

    run.scenario(server.base_url, ask_twice, pin_provider=True)
    assert sent(server, "provider") == [None, {"order": [slug]}]


def test_the_provider_that_answered_last_is_asked_first(run, scripted_openrouter):
    server = scripted_openrouter(answers("Z.AI"), answers("Novita"))

    async def ask_thrice(client):
        for _ in range(3):
            await ask_in(client, "a")

    run.scenario(server.base_url, ask_thrice, pin_provider=True)
    assert sent(server, "provider") == [None, {"order": ["z-ai"]}, {"order": ["novita"]}]


def test_each_session_and_model_has_its_own_pin(run, scripted_openrouter):
    server = scripted_openrouter(answers("Z.AI"), answers("Novita"), answers("Together"))

    async def ask_around(client):
        await ask_in(client, "a")
        await ask_in(client, "b")
        await ask_in(client, "a", model="z-ai/glm-5")
        server.requests.clear()
        await ask_in(client, "a")
        await ask_in(client, "b")
        await ask_in(client, "a", model="z-ai/glm-5")

    run.scenario(server.base_url, ask_around, pin_provider=True)
    orders = [request.body["provider"]["order"] for request in server.requests[-3:]]
    assert orders == [["z-ai"], ["novita"], ["together"]]


def test_requests_without_a_session_share_the_pin_of_the_client(run, scripted_openrouter):
    server = scripted_openrouter(answers("Z.AI"))

    async def ask_twice(client):
        await ask_in(client, None)
        await ask_in(client, None)

    run.scenario(server.base_url, ask_twice, pin_provider=True)
    assert sent(server, "provider") == [None, {"order": ["z-ai"]}]


@pytest.mark.parametrize("chosen", [{"order": ["venice"]}, {"only": ["venice", "novita"]}])
def test_a_choice_of_providers_is_not_touched(run, scripted_openrouter, chosen):
    server = scripted_openrouter(answers("Z.AI"))

    async def ask_twice(client):
        await ask_in(client, "a", provider=chosen, model="z-ai/glm-4.6")
        await ask_in(client, "a", provider=chosen, model="z-ai/glm-4.6")

    run.scenario(server.base_url, ask_twice, pin_provider=True)
    assert sent(server, "provider") == [chosen, chosen]


def test_other_preferences_stay_beside_the_pin(run, scripted_openrouter):
    server = scripted_openrouter(answers("Z.AI"))

    async def ask_twice(client):
        await ask_in(client, "a", provider={"zdr": True})
        await ask_in(client, "a", provider={"zdr": True})

    run.scenario(server.base_url, ask_twice, pin_provider=True)
    assert sent(server, "provider")[1] == {"zdr": True, "order": ["z-ai"]}


def test_the_oldest_pins_are_forgotten(run, scripted_openrouter, monkeypatch):
    monkeypatch.setattr("glm_openrouter._client.pins._MOST_PINS", 2)
    server = scripted_openrouter(answers("Z.AI"))

    async def ask_around(client):
        for name in ("a", "b", "c", "c", "a"):
            await ask_in(client, name)

    run.scenario(server.base_url, ask_around, pin_provider=True)
    assert [bool(pin) for pin in sent(server, "provider")] == [False, False, False, True, False]


def test_a_failure_is_no_pin(run, scripted_openrouter):
    failure = json_reply(error(502, provider_name="Novita"), 502)
    server = scripted_openrouter(answers("Z.AI"), failure, answers("Z.AI"))

    async def ask_twice(client):
        await ask_in(client, "a")
        await ask_in(client, "a")

    run.scenario(server.base_url, ask_twice, pin_provider=True)
    assert sent(server, "provider") == [None, {"order": ["z-ai"]}, {"order": ["z-ai"]}]


def test_a_session_id_of_the_block_has_its_pin_too(run, scripted_openrouter):
    server = scripted_openrouter(answers("Z.AI"), answers("Novita"))

    async def ask_around(client):
        for name in ("a", "b", "a"):
            with session(name):
                await client.complete(asking())

    run.scenario(server.base_url, ask_around, pin_provider=True)
    assert sent(server, "provider") == [None, None, {"order": ["z-ai"]}]


def test_each_turn_of_a_conversation_sends_the_bytes_of_the_last_one_first(
    run, scripted_openrouter
):
    details = [{"type": "reasoning.text", "text": "Hm, für ⚓.", "format": "unknown", "index": 0}]
    arguments = ['{"harbour": "Skagen", "length": 12}', '{"length":7,"harbour":"Ærø"}', "{}"]
    replies = [
        json_reply(
            response_body(
                {
                    "content": "Let me look.",
                    "reasoning": "Hm, für ⚓.",
                    "reasoning_details": details,
                    "tool_calls": [wire_call("find_berth", arguments[turn % 3], 0, f"call_{turn}")],
                },
                "tool_calls",
            )
        )
        for turn in range(10)
    ]
    server = scripted_openrouter(*replies)

    async def converse(client):
        messages = [{"role": "system", "content": "You know ports."}, *MESSAGES]
        for _ in range(10):
            answer = await client.complete(ChatRequest(messages=messages, tools=TOOLS))
            (call,) = answer.tool_calls
            messages = [
                *messages,
                assistant_message(
                    answer.text,
                    tool_calls=[tool_call(call.id, call.name, call.arguments)],
                    reasoning=answer.reasoning,
                    reasoning_details=answer.reasoning_details,
                ),
                tool_message(call.id, "Berth 4 is free."),
            ]

    run.scenario(server.base_url, converse)
    turns = [json.dumps(messages, ensure_ascii=False) for messages in sent(server, "messages")]
    assert len(turns) == 10
    for earlier, later in itertools.pairwise(turns):
        assert later.startswith(earlier[:-1] + ",")
    assert len({json.dumps(tools) for tools in sent(server, "tools")}) == 1

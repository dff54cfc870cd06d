"""What OpenRouter refuses, the offline server refuses, in the same form."""

import httpx
import pytest

HELLO = {"messages": [{"role": "user", "content": "Hello"}]}
KEY = {"Authorization": "Bearer sk-or-test"}


def call(call_id="c1", arguments="{}"):
    function = {"name": "add", "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def turns(*messages):
    return {"messages": list(messages)}


USER = {"role": "user", "content": "add"}
CALLING = {"role": "assistant", "content": None, "tool_calls": [call()]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "5"}
ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}


@pytest.fixture
def post(server):
    with httpx.Client(base_url=server.base_url, headers=KEY) as client:
        yield lambda body: client.post("/chat/completions", json=body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Input required"),
        ([], "must be a JSON object"),
        ({"messages": None}, "Input required"),
        ({"messages": []}, "messages: "),
        (turns({"role": "robot", "content": "x"}), "messages.0: "),
        (turns({"role": "user"}), "messages.0.content: "),
        (turns({"role": "user", "content": 5}), "messages.0.content: "),
        (turns({"role": "user", "content": [{"type": "smell"}]}), "messages.0.content.0: "),
        (turns(USER, RESULT), "messages.1: "),
        (turns(USER, CALLING, {**RESULT, "tool_call_id": "c2"}), "'c2'"),
        (turns(USER, CALLING, RESULT, RESULT), "'c1'"),
        (turns(USER, CALLING, USER), "messages.2: "),
        (turns(USER, CALLING), "c1"),
        (
            turns(USER, {**CALLING, "tool_calls": [call(arguments={})]}, RESULT),
            "messages.1.tool_calls.0.function.arguments: ",
        ),
        (turns(USER, CALLING, {"role": "tool", "content": "5"}), "messages.2.tool_call_id: "),
        (HELLO | {"temperature": 2.5}, "temperature: "),
        (HELLO | {"temperature": "1"}, "temperature: "),
        (HELLO | {"top_p": -0.1}, "top_p: "),
        (HELLO | {"frequency_penalty": 3}, "frequency_penalty: "),
        (HELLO | {"max_tokens": 0}, "max_tokens: "),
        (HELLO | {"stop": ["a", "b", "c", "d", "e"]}, "stop: "),
        (HELLO | {"stream": "yes"}, "stream: "),
        (HELLO | {"tools": [{"type": "function", "function": {}}]}, "tools.0.function.name: "),
        (
            HELLO | {"tools": [{"type": "function", "function": {"name": "a b"}}]},
            "tools.0.function.name: ",
        ),
        (
            HELLO
            | {"tools": [ADD], "tool_choice": {"type": "function", "function": {"name": "x"}}},
            "no tool named 'x'",
        ),
        (HELLO | {"tool_choice": "required"}, "tool_choice: "),
        (HELLO | {"tool_choice": "sometimes"}, "tool_choice"),
        (HELLO | {"response_format": {"type": "xml"}}, "response_format.type: "),
        (HELLO | {"response_format": {"type": "json_schema"}}, "response_format.json_schema: "),
        (
            HELLO | {"response_format": {"type": "json_schema", "json_schema": {"name": ""}}},
            "response_format.json_schema.name: ",
        ),
        (HELLO | {"reasoning": {"effort": "low", "max_tokens": 9}}, "Only one of"),
        (HELLO | {"reasoning": {"effort": "some"}}, "reasoning.effort: "),
        (HELLO | {"reasoning": {"effort": "low"}, "reasoning_effort": "high"}, "contradict"),
        (HELLO | {"provider": {"sort": "beauty"}}, "provider.sort"),
        (HELLO | {"provider": {"order": "z-ai"}}, "provider.order: "),
        (HELLO | {"session_id": "x" * 257}, "session_id: "),
        (HELLO | {"metadata": {str(at): "x" for at in range(17)}}, "metadata: "),
        (HELLO | {"metadata": {"key": "x" * 513}}, "metadata.key: "),
        (HELLO | {"model": "no/such-model"}, "no/such-model is not a valid model ID"),
        (HELLO | {"model": "z-ai/glm-4.6:imaginary"}, "is not a valid model ID"),
    ],
)
def test_a_wrong_request_is_refused_and_the_message_says_where(post, body, message):
    response = post(body)

    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == 400
    assert message in error["message"]
    assert response.json()["user_id"] == "user_offline"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            turns({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}),
            "support image input",
        ),
        (HELLO | {"model": "z-ai/glm-4.6:free"}, "No endpoints found for z-ai/glm-4.6:free"),
        (HELLO | {"provider": {"only": ["nobody"]}}, "No allowed providers"),
        (
            HELLO | {"provider": {"order": ["nobody"], "allow_fallbacks": False}},
            "No allowed providers",
        ),
        (HELLO | {"provider": {"max_price": {"prompt": 0.01}}}, "No endpoints found"),
        (HELLO | {"logprobs": True, "provider": {"require_parameters": True}}, "No endpoints"),
    ],
)
def test_a_request_that_no_endpoint_takes_is_not_found(post, body, message):
    response = post(body)

    assert response.status_code == 404
    assert message in response.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        HELLO | {"something_new": {"x": 1}, "n": 2},
        HELLO | {"temperature": None, "tools": None, "reasoning": None, "stop": None},
        HELLO | {"reasoning": {"effort": None, "max_tokens": 9}},
        turns({"role": "developer", "content": "Be brief."}, USER),
        turns({"role": "user", "content": [{"type": "text", "text": "Hello"}]}),
        turns({"role": "user", "content": [{"type": "file", "file": {"filename": "a.pdf"}}]}),
        turns(USER, CALLING, RESULT),
        HELLO | {"model": "@preset/mine"},
        HELLO | {"model": "z-ai/glm-4.6@preset/mine"},
        HELLO | {"model": "no/such-model", "models": ["z-ai/glm-4.7"]},
        HELLO | {"tools": [{"type": "openrouter:web_search"}]},
    ],
)
def test_unknown_fields_nulls_and_every_legal_form_are_accepted(post, body):
    response = post(body)

    assert response.status_code == 200, response.text
    assert response.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "No auth credentials found"),
        ({"Authorization": "Basic sk-or-test"}, "No auth credentials found"),
        ({"Authorization": "Bearer nonsense"}, "User not found."),
    ],
)
def test_a_request_without_a_good_key_is_refused(server, headers, message):
    response = httpx.post(f"{server.base_url}/chat/completions", json=HELLO, headers=headers)

    assert response.status_code == 401
    assert response.json() == {"error": {"message": message, "code": 401}}


LONG = {"messages": [{"role": "user", "content": "tea " * 300_000}]}


def test_a_prompt_beyond_the_context_is_refused_in_the_words_of_openrouter(post):
    response = post(LONG | {"max_tokens": 100})

    assert response.status_code == 400
    error = response.json()["error"]
    assert error["message"].startswith(
        "This endpoint's maximum context length is 204800 tokens. However, you requested about "
    )
    assert "100 in the output" in error["message"]
    assert error["metadata"]["error_type"] == "context_length_exceeded"


def test_the_context_is_that_of_the_model_that_answers(post):
    body = {"messages": [{"role": "user", "content": "tea " * 160_000}]}

    assert post(body).status_code == 200
    refusal = post(body | {"model": "z-ai/glm-4.5"})
    assert "maximum context length is 131072 tokens" in refusal.json()["error"]["message"]


def test_the_answer_counts_too(post):
    body = {"model": "z-ai/glm-4.5", "messages": [{"role": "user", "content": "tea " * 30_000}]}

    assert post(body | {"max_tokens": 60_000}).status_code == 200
    assert post(body | {"max_tokens": 120_000}).status_code == 400


@pytest.mark.parametrize(
    "wish",
    [{"plugins": [{"id": "context-compression"}]}, {"transforms": ["middle-out"]}],
    ids=["plugin", "transform"],
)
def test_a_prompt_that_may_be_compressed_is_not_refused(post, wish):
    assert post(LONG | wish).status_code == 200


def picture(size=8):
    url = f"data:image/png;base64,{'A' * size}"
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    return {"messages": [{"role": "user", "content": parts}]}


def test_an_image_needs_a_model_that_sees(post):
    refusal = post(picture())

    assert refusal.status_code == 404
    assert "No endpoints found that support image input" in refusal.json()["error"]["message"]
    assert post(picture() | {"model": "z-ai/glm-4.6v"}).status_code == 200


def test_an_image_counts_by_the_image_and_not_by_the_byte(post):
    small, large = (
        post(picture(size) | {"model": "z-ai/glm-4.6v"}).json() for size in (8, 4_000_000)
    )

    assert small["usage"]["prompt_tokens"] == pytest.approx(large["usage"]["prompt_tokens"], abs=10)


def test_no_model_of_the_catalogue_hears(post):
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    body = {"model": "z-ai/glm-4.6v", "messages": [{"role": "user", "content": [sound]}]}

    assert post(body).status_code == 404

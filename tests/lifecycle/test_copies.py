"""Copies work, in this process and in others, and share no client with the original."""

import asyncio
import copy
import multiprocessing
import pickle

import cloudpickle
import httpx
import pytest

from glm_openrouter import AuthenticationError
from support.models import MAKERS, ModelClass
from support.replies import ANSWER, STALLED, TEXT
from support.samples import KEY

COPYING = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "cloudpickle": lambda model: pickle.loads(cloudpickle.dumps(model)),
    "model_copy": lambda model: model.model_copy(),
    "deep model_copy": lambda model: model.model_copy(deep=True),
    "changing model_copy": lambda model: model.model_copy(update={"temperature": 0.5}),
}


@pytest.mark.parametrize("copied", COPYING.values(), ids=COPYING)
def test_a_copy_works_before_and_after_the_first_call(model_class, scripted_openrouter, copied):
    if model_class.name == "core" and copied not in list(COPYING.values())[:4]:
        copied = copy.deepcopy  # `model_copy` is pydantic's
    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, max_retries=0)

    for one in (copied(model), model, copied(model)):
        asyncio.run(model_class.ask_all_ways(one))
    sent = {request.headers["authorization"] for request in server.requests}
    assert (len(server.requests), sent) == (12, {f"Bearer {KEY}"})


@pytest.mark.parametrize("copied", list(COPYING.values())[:4], ids=list(COPYING)[:4])
def test_a_copy_keeps_the_key_that_the_environment_had(
    model_class, scripted_openrouter, monkeypatch, copied
):
    server = scripted_openrouter(ANSWER)
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    model = model_class.make(server.base_url, api_key=None)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-of-another-process")
    model_class.call(copied(model))

    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_a_copy_may_be_made_while_the_original_streams(model_class, scripted_openrouter):
    server = scripted_openrouter(STALLED, ANSWER)
    model = model_class.make(server.base_url, max_retries=0)
    chunks = await model_class.astream(model)
    await anext(chunks)

    for copied in list(COPYING.values())[:4]:
        assert await model_class.acall(copied(model)) == TEXT
    await chunks.aclose()


@pytest.mark.usefixtures("_alone")
@pytest.mark.parametrize("copied", list(COPYING.values())[:4], ids=list(COPYING)[:4])
def test_closing_a_copy_leaves_the_original_its_connection(
    model_class, scripted_openrouter, copied
):
    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, max_retries=0)
    model_class.call(model)
    other = copied(model)
    model_class.call(other)
    other.close()
    model_class.call(model)

    assert len(server.connections) == 1
    model.close()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_in_this_process_keeps_an_own_client(model_class, scripted_openrouter, copied):
    server = scripted_openrouter(ANSWER)
    with httpx.Client(headers={"x-own": "1"}) as mine:
        assert model_class.call(copied(model_class.make(server.base_url, http_client=mine))) == TEXT
    assert server.requests[0].headers["x-own"] == "1"


def test_a_pickled_copy_leaves_an_own_client_behind(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    with httpx.Client(headers={"x-own": "1"}) as mine:
        model = model_class.make(server.base_url, http_client=mine)
        assert model_class.call(pickle.loads(pickle.dumps(model))) == TEXT
    assert "x-own" not in server.requests[0].headers


def ask_all(models, answers):
    """What the other process does."""
    for name, model in models.items():
        model_class = ModelClass(name)
        answers.put((name, model_class.call(model), asyncio.run(model_class.acall(model))))


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # that it has threads
@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_copy_works_in_another_process(scripted_openrouter, method):
    server = scripted_openrouter(ANSWER)
    models = {name: ModelClass(name).make(server.base_url, max_retries=0) for name in MAKERS}
    for name, model in models.items():
        asyncio.run(ModelClass(name).ask_all_ways(model))
    before = len(server.connections)
    context = multiprocessing.get_context(method)
    answers = context.SimpleQueue()
    process = context.Process(target=ask_all, args=(models, answers))
    process.start()
    process.join(60)

    assert process.exitcode == 0
    assert [answers.get() for _ in models] == [(name, TEXT, TEXT) for name in models]
    # One pool and a loop for each model: the connection that the parent has open is left to the parent.
    assert len(server.connections) == before + 1 + len(models)
    for name, model in models.items():
        assert ModelClass(name).call(model) == TEXT
    assert len(server.connections) == before + 1 + len(models)
    answers.close()


# Pickles without secrets

CREDENTIAL = "Hush-hush-4711"
PICKLERS = pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])


def without_secrets(model_class, server, **options):
    headers = {"X-Api-Key": CREDENTIAL, "X-Team": CREDENTIAL}
    return model_class.make(
        server.base_url,
        **{"default_headers": headers, "max_retries": 0, "pickle_secrets": False, **options},
    )


def sent(server, name):
    return {request.headers.get(name) for request in server.requests}


@PICKLERS
@pytest.mark.parametrize("of_environment", [False, True])
def test_a_pickle_without_secrets_takes_the_key_of_its_process(
    model_class, scripted_openrouter, monkeypatch, dumps, of_environment
):
    server = scripted_openrouter(ANSWER)
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    monkeypatch.setenv("ALL_PROXY", f"http://me:{CREDENTIAL}@127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    options = {"api_key": None} if of_environment else {}
    model = without_secrets(model_class, server, **options)
    asyncio.run(model_class.ask_all_ways(model))
    pickled = dumps(model)
    server.requests.clear()
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-elsewhere")
    asyncio.run(model_class.ask_all_ways(pickle.loads(pickled)))

    assert KEY.encode() not in pickled
    assert CREDENTIAL.encode() not in pickled
    assert sent(server, "authorization") == {"Bearer sk-or-v1-elsewhere"}
    assert sent(server, "x-team") == {None}


def test_a_pickle_without_secrets_where_there_is_no_key_says_so(
    model_class, scripted_openrouter, monkeypatch
):
    server = scripted_openrouter(ANSWER)
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    pickled = pickle.dumps(without_secrets(model_class, server, api_key=None))
    monkeypatch.delenv("OPENROUTER_API_KEY")
    model = pickle.loads(pickled)

    with pytest.raises(AuthenticationError, match="OPENROUTER_API_KEY"):
        model_class.call(model)
    with pytest.raises(AuthenticationError, match="OPENROUTER_API_KEY"):
        asyncio.run(model_class.acall(model))
    assert not server.requests


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_in_this_process_keeps_its_secrets(model_class, scripted_openrouter, copied):
    server = scripted_openrouter(ANSWER)
    asyncio.run(model_class.ask_all_ways(copied(without_secrets(model_class, server))))

    assert sent(server, "authorization") == {f"Bearer {KEY}"}
    assert sent(server, "x-team") == {CREDENTIAL}


def test_a_pickle_holds_the_secrets_by_default(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    model = without_secrets(model_class, server, pickle_secrets=True)
    asyncio.run(model_class.ask_all_ways(pickle.loads(pickle.dumps(model))))

    assert sent(server, "authorization") == {f"Bearer {KEY}"}
    assert sent(server, "x-team") == {CREDENTIAL}

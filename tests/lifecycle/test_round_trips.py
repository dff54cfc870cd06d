"""What a model is made of survives a dump and a copy, but for the key, which no JSON holds."""

import copy
import pickle
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, ValidationError, create_model

import langchain_glm
import llamaindex_glm
from glm_openrouter import AuthenticationError, ChatRequest, InvalidRequestError
from langchain_glm import ChatGLM
from support.samples import KEY

CLASSES = {"ChatGLM": ChatGLM, "text GLM": langchain_glm.GLM, "LlamaIndex": llamaindex_glm.GLM}

SETTINGS: dict[str, Any] = {
    "model": "z-ai/glm-4.6",
    "temperature": 0.3,
    "reasoning": "high",
    "provider": {"only": ["z-ai"], "max_price": {"prompt": 1}},
    "plugins": [{"id": "web", "max_results": 2}, {"id": "armor", "level": 2}],
    "extra_body": {"harbour": [1, 2]},
    "repairs": ["think_tags"],
    "timeout": 12.5,
}

DUMPS = {
    "dump": lambda model: type(model)(**model.model_dump()),
    "dump by alias": lambda model: type(model)(**model.model_dump(by_alias=True)),
    "dump of what is set": lambda model: type(model)(**model.model_dump(exclude_unset=True)),
    "plain dump": lambda model: type(model).model_validate(model.model_dump(mode="json")),
    "JSON": lambda model: type(model).model_validate_json(model.model_dump_json()),
}

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "model_copy": lambda model: model.model_copy(),
    "deep model_copy": lambda model: model.model_copy(deep=True),
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)


@pytest.fixture(params=CLASSES.values(), ids=CLASSES)
def kind(request):
    return request.param


def config_of(kind) -> type[BaseModel]:
    return create_model("Config", llm=(kind, ...), city=(str, "Oslo"))


@pytest.mark.parametrize("again", DUMPS.values(), ids=DUMPS)
def test_what_comes_out_of_a_dump_is_the_same_model(kind, again):
    model = kind(**SETTINGS)
    assert again(model) == model
    assert again(model).temperature == 0.3


@pytest.mark.parametrize("again", COPIES.values(), ids=COPIES)
def test_a_copy_equals_its_original_whatever_that_was_used_for(kind, again):
    model = kind(**SETTINGS)
    assert again(model) == model
    assert model._async_client is not None  # made when it is first asked for
    assert again(model) == model


def test_models_with_other_settings_are_not_equal(kind):
    model = kind(**SETTINGS)
    for change in ({"temperature": 0.4}, {"api_key": "sk-or-v1-of-another"}, {"max_retries": 7}):
        assert kind(**{**SETTINGS, **change}) != model
    assert model != "a model"


def test_a_config_that_holds_a_model_survives_its_dump(kind):
    config_type = config_of(kind)
    config = config_type(llm=kind(**SETTINGS))
    assert config_type(**config.model_dump()) == config
    assert config_type.model_validate_json(config.model_dump_json()) == config
    assert config_type(llm=SETTINGS) == config


def test_a_name_that_a_config_misspells_has_one_suggestion(kind):
    with pytest.raises(ValidationError) as caught:
        config_of(kind)(llm={"temprature": 0.3})
    (problem,) = caught.value.errors()
    assert problem["loc"] == ("llm", "temprature")
    assert problem["msg"] == "Extra inputs are not permitted. Did you mean `temperature`?"


def test_json_holds_no_key_and_takes_that_of_the_environment(kind, monkeypatch):
    text = kind(api_key="sk-or-v1-explicit", **SETTINGS).model_dump_json()
    assert "sk-or-v1" not in text
    assert kind.model_validate_json(text) == kind(**SETTINGS)
    monkeypatch.delenv("OPENROUTER_API_KEY")
    with pytest.raises(AuthenticationError, match="There is no API key"):
        kind.model_validate_json(text)


@pytest.mark.parametrize("model", ["", "  "])
def test_a_model_without_an_id_is_refused(kind, model):
    with pytest.raises(ValidationError, match="id of the model is empty"):
        kind(model=model)
    with pytest.raises(ValidationError, match="id of the model is empty"):
        kind(models=["z-ai/glm-4.6", model])
    with pytest.raises(ValidationError, match="id of the model is empty"):
        ChatRequest(messages=[{"role": "user", "content": "?"}], model=model)


def test_a_call_names_a_model_or_none(kind):
    model = kind(**SETTINGS)
    ask = model.complete if kind is llamaindex_glm.GLM else model.invoke
    with pytest.raises(InvalidRequestError, match="id of the model is empty"):
        ask("?", model="")


def test_json_has_the_seconds_of_a_timeout_of_httpx(kind):
    model = kind(timeout=httpx.Timeout(12.5, connect=3))
    again = kind.model_validate_json(model.model_dump_json())
    assert again.timeout == 12.5
    assert model.model_dump()["timeout"] == httpx.Timeout(12.5, connect=3)

"""LangChain's own suites for chat models, with every capability that GLM has declared."""

from collections.abc import Callable
from typing import Any, Literal

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from glm_openrouter.testing import OfflineServer
from langchain_glm import ChatGLM

pytestmark = pytest.mark.filterwarnings(
    # The suite opens streams that it does not read to the end.
    "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def benchmark() -> Callable[[Callable[[], object]], object]:
    """Run what the suite measures; figures are in benchmarks/."""
    return lambda measured: measured()


@pytest.fixture
def vcr() -> None:
    """There are no recordings: a test that needs them skips itself."""


class _Capabilities:
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatGLM

    has_tool_calling = True
    has_tool_choice = True
    has_structured_output = True
    structured_output_kwargs: dict[str, Any] = {}
    supports_json_mode = True
    returns_usage_metadata = True
    supports_anthropic_inputs = True
    supports_model_override = True
    model_override_value = "z-ai/glm-4.7"


class TestUnit(_Capabilities, ChatModelUnitTests):
    chat_model_params = {"api_key": "sk-or-test"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        environment = {
            "OPENROUTER_API_KEY": "sk-or-env",
            "OPENROUTER_API_BASE": "https://eu.openrouter.ai/api/v1",
        }
        expected = {
            "openrouter_api_key": "sk-or-env",
            "openrouter_api_base": "https://eu.openrouter.ai/api/v1",
        }
        return environment, {}, expected


class TestIntegration(_Capabilities, ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    def _server(self, offline_openrouter: OfflineServer) -> None:
        self._base_url = offline_openrouter.base_url

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"api_key": "sk-or-test", "base_url": self._base_url, "temperature": 0}

    supported_usage_metadata_details: dict[
        Literal["invoke", "stream"],
        list[
            Literal[
                "audio_input",
                "audio_output",
                "reasoning_output",
                "cache_read_input",
                "cache_creation_input",
            ]
        ],
    ] = {
        "invoke": ["reasoning_output", "cache_read_input"],
        "stream": ["reasoning_output", "cache_read_input"],
    }

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self._ask("How many squares are on a chessboard?", stream=stream)

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        prompt = "Summarise this: " + "OpenRouter chooses a provider for each request. " * 60
        self._ask(prompt, stream=stream)
        return self._ask(prompt, stream=stream)

    def _ask(self, prompt: str, *, stream: bool) -> AIMessage:
        model = ChatGLM(**self.chat_model_params)
        if not stream:
            return model.invoke(prompt)
        full: AIMessageChunk | None = None
        for chunk in model.stream(prompt):
            full = chunk if full is None else full + chunk
        assert full is not None
        return full

"""LangChain's own tests of classes that make vectors."""

import pytest
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from langchain_glm import OpenRouterEmbeddings
from support.samples import KEY
from support.vectors import answer_all


class TestUnit(EmbeddingsUnitTests):
    @property
    def embeddings_class(self):
        return OpenRouterEmbeddings

    @property
    def embedding_model_params(self):
        return {"api_key": KEY}

    @property
    def init_from_env_params(self):
        environment = {
            "OPENROUTER_API_KEY": KEY,
            "OPENROUTER_API_BASE": "https://example.com/api/v1",
        }
        expected = {
            "openrouter_api_key": KEY,
            "openrouter_api_base": "https://example.com/api/v1",
        }
        return environment, {}, expected


class TestIntegration(EmbeddingsIntegrationTests):
    @pytest.fixture(autouse=True)
    def _server(self, scripted_openrouter):
        self._base_url = scripted_openrouter(answer_all()).base_url

    @property
    def embeddings_class(self):
        return OpenRouterEmbeddings

    @property
    def embedding_model_params(self):
        return {"api_key": KEY, "base_url": self._base_url}

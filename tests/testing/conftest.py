import pytest

from glm_openrouter.testing import OfflineServer
from glm_openrouter.testing.pytest_plugin import (  # noqa: F401 - fixtures, also without the entry point
    _offline_openrouter_server,
    offline_openrouter,
    scripted_openrouter,
)


@pytest.fixture
def server(offline_openrouter: OfflineServer) -> OfflineServer:  # noqa: F811 - the fixture above
    return offline_openrouter

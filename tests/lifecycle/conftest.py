import gc

import pytest
from surfaces import MAKERS, Surface


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch):
    for name in ("API_KEY", "API_BASE", "APP_URL", "APP_TITLE", "SESSION_ID"):
        monkeypatch.delenv(f"OPENROUTER_{name}", raising=False)


@pytest.fixture(params=list(MAKERS))
def surface(request):
    """The core, both classes for LangChain and the one for LlamaIndex, one after the other."""
    return Surface(request.param)


@pytest.fixture
def _alone():
    """See that no instance of another test still uses the shared pool, which would keep it open."""
    gc.collect()

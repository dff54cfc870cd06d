import pytest


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch):
    for name in ("API_KEY", "API_BASE", "APP_URL", "APP_TITLE", "SESSION_ID"):
        monkeypatch.delenv(f"OPENROUTER_{name}", raising=False)

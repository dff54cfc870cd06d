"""The fixtures, and what importing the package costs."""

import subprocess
import sys

import httpx


def test_the_fixture_forgets_between_tests_first(offline_openrouter):
    assert offline_openrouter.requests == []
    httpx.get(f"{offline_openrouter.base_url}/models")
    assert len(offline_openrouter.requests) == 1


def test_the_fixture_forgets_between_tests_second(offline_openrouter):
    assert offline_openrouter.requests == []


def test_importing_the_plugin_imports_no_server():
    code = (
        "import sys, glm_openrouter.testing.pytest_plugin;"
        "print(sorted({'uvicorn', 'starlette', 'h11', 'pydantic'} & set(sys.modules)))"
    )
    # The core may import pydantic itself; only what this package adds is looked at.
    before = "import sys, glm_openrouter; print(sorted({'pydantic', 'h11'} & set(sys.modules)))"
    assert _run(code) == _run(before)


def test_a_missing_extra_is_named():
    code = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from glm_openrouter.testing import OfflineServer\n"
        "try: OfflineServer().start()\n"
        "except ImportError as exc: print(exc)"
    )
    assert 'pip install "glm-openrouter[testing]"' in _run(code)


def _run(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()

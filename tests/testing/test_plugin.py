"""The fixtures, and what importing the package costs."""

import os
import subprocess
import sys

import httpx


def test_the_fixture_forgets_between_tests_first(offline_openrouter):
    assert offline_openrouter.requests == []
    httpx.get(f"{offline_openrouter.base_url}/models")
    assert len(offline_openrouter.requests) == 1


def test_the_fixture_forgets_between_tests_second(offline_openrouter):
    assert offline_openrouter.requests == []


USERS_TESTS = """
import httpx
import pytest
from glm_openrouter.testing import text_reply

BODY = {"messages": [{"role": "user", "content": "What is 2 + 2?"}]}
KEY = {"authorization": "Bearer sk-or-test"}


def said(server):
    response = httpx.post(f"{server.base_url}/chat/completions", json=BODY, headers=KEY)
    choices = response.json().get("choices")
    return choices[0]["message"]["content"].strip() if choices else None


def fail(_):
    raise LookupError("seen at the end")


@pytest.fixture
def hearer(offline_openrouter):
    offline_openrouter.answer = lambda prompt: f"I heard {prompt.user_text}"
    return offline_openrouter


def test_1_a_fixture_answers(hearer):
    assert said(hearer) == "I heard What is 2 + 2?"


def test_2_the_rules_answer_again(offline_openrouter):
    assert offline_openrouter.answer is None
    assert said(offline_openrouter) == "2 + 2 = 4"


def test_3_a_function_fails(offline_openrouter):
    offline_openrouter.answer = fail
    assert said(offline_openrouter) is None


def test_4_the_failure_is_over(offline_openrouter):
    assert said(offline_openrouter) == "2 + 2 = 4"


def test_5_a_function_of_a_script_fails(scripted_openrouter):
    assert said(scripted_openrouter(text_reply("yes"))) == "yes"
    assert said(scripted_openrouter(fail)) is None
"""


def test_answer_functions_live_and_fail_with_the_test_that_set_them(tmp_path):
    (tmp_path / "test_users.py").write_text(USERS_TESTS)
    plugin = ["-p", "glm_openrouter.testing.pytest_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-q", *plugin, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "200", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    outcomes = [
        line for line in done.stdout.splitlines() if line.startswith(("PASS", "FAIL", "ERR"))
    ]

    passed = [line.partition("::")[2][:6] for line in outcomes if line.startswith("PASSED")]
    errors = [line.partition("::")[2] for line in outcomes if line.startswith("ERROR")]
    assert passed == ["test_1", "test_2", "test_3", "test_4", "test_5"]
    assert [line[:6] for line in errors] == ["test_3", "test_5"]
    assert all(line.endswith("LookupError: seen at the end") for line in errors)


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

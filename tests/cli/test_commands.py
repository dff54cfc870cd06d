"""The command `glm-openrouter`."""

import subprocess
import sys

import httpx
import pytest

import glm_openrouter
from glm_openrouter.cli import main


def test_version_names_the_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])

    assert caught.value.code == 0
    assert capsys.readouterr().out == f"glm-openrouter {glm_openrouter.__version__}\n"


def test_without_a_command_it_says_that_one_is_needed(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])

    assert caught.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


COMMANDS = ["chat", "doctor", "providers", "serve", "demo"]


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])

    lines = capsys.readouterr().out.splitlines()
    words = [line.split()[0] for line in lines if line.strip()]
    assert [word for word in words if word in COMMANDS] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_offline(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])

    assert "--offline" in capsys.readouterr().out


def test_serve_starts_a_server_that_answers():
    command = [sys.executable, "-m", "glm_openrouter", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            base_url = process.stdout.readline().split()[-1]
            answer = httpx.post(
                f"{base_url}/chat/completions",
                headers={"Authorization": "Bearer sk-or-test"},
                json={"messages": [{"role": "user", "content": "What is 2 + 2?"}]},
            )
        finally:
            process.terminate()

    assert "2 + 2 = 4" in answer.json()["choices"][0]["message"]["content"]


def test_serve_hands_host_and_port_on(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "glm_openrouter.testing.serve", lambda *given, **more: calls.append((*given, more))
    )

    assert main(["serve", "--host", "0.0.0.0", "--port", "1234", "--allow-host", "mock"]) == 0
    assert calls == [("0.0.0.0", 1234, {"allowed_hosts": ["mock"]})]


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_serve_refuses_what_is_no_port(port, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["serve", f"--port={port}"])

    assert caught.value.code == 2
    assert f"'{port}' is not a number from 0 to 65535" in capsys.readouterr().err


def test_serve_says_in_one_line_that_the_port_is_taken(offline_openrouter, capsys):
    taken = httpx.URL(offline_openrouter.base_url).port

    assert main(["serve", "--port", str(taken)]) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert "Address already in use" in line


def test_serve_names_the_extra_that_is_missing(monkeypatch, capsys):
    for module in ("uvicorn", "glm_openrouter.testing._servers.app_server"):
        monkeypatch.setitem(sys.modules, module, None)

    assert main(["serve", "--port", "0"]) == 1
    assert 'pip install "glm-openrouter[testing]"' in capsys.readouterr().err


def test_the_command_imports_no_server_and_no_rich_before_it_needs_one():
    code = "import sys, glm_openrouter.cli; print(sorted({'rich', 'starlette', 'uvicorn'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"

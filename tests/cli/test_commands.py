"""The command `glm-openrouter`."""

import re
import signal
import subprocess
import sys

import httpx
import pytest
import uvicorn

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


def test_help_explains_the_exit_codes(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])

    words = [line.split()[:1] for line in capsys.readouterr().out.splitlines()]
    assert all([code] in words for code in ("0", "1", "2", "3", "4", "130", "141"))


@pytest.mark.parametrize("command", ["chat", "batch", "doctor", "providers"])
def test_every_command_takes_the_model_the_same_way(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])

    assert re.search(r"-m (MODEL)?,? ?--model MODEL|-m, --model MODEL", capsys.readouterr().out)


def test_output_that_nobody_reads_ends_the_command_silently():
    command = [sys.executable, "-m", "glm_openrouter", "chat", "--offline", "Count to 5000."]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:
        process.stdout.read(10)
        process.stdout.close()
        errors = process.stderr.read()

    assert (process.returncode, errors) == (141, b"")


COMMANDS = ["chat", "batch", "doctor", "providers", "serve", "demo"]


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


@pytest.fixture
def served():
    """Run `serve`, ask it something, press Ctrl-C; return the exit code, the output and the log."""

    def run(*options):
        command = [sys.executable, "-m", "glm_openrouter", "serve", "--port", "0", *options]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, **pipes) as process:
            out = ""
            while not (found := re.search(r"^export OPENROUTER_API_BASE=(\S+)\n", out, re.M)):
                out += process.stdout.readline()
            key = re.search(r"^export OPENROUTER_API_KEY=(\S+)$", out, re.M)[1]
            answer = httpx.post(
                f"{found[1]}/chat/completions",
                headers={"Authorization": f"Bearer {key}"},
                json={
                    "model": "z-ai/glm-4.6:exacto",
                    "messages": [{"role": "user", "content": "What is 2 + 2?"}],
                    "stream": True,
                },
            )
            httpx.get(f"{found[1]}/%1B[2J")
            process.send_signal(signal.SIGINT)
            _, log = process.communicate(timeout=60)
        assert "2 + 2 = 4" in "".join(re.findall(r'"content":"([^"]*)"', answer.text))
        return process.returncode, out, log

    return run


def test_serve_prints_what_to_export_and_logs_each_request(served):
    code, _, log = served("--chunk-delay", "0")

    assert code == 0
    answered, unknown = log.splitlines()
    assert re.fullmatch(
        r"[\d:]{8} POST /api/v1/chat/completions 200 [\d.]+ s z-ai/glm-4.6:exacto streamed",
        answered,
    )
    assert re.fullmatch(r"[\d:]{8} GET /api/v1/%1B\[2J 404 [\d.]+ s", unknown, re.I)


def test_serve_hands_host_and_port_on(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "glm_openrouter.testing.serve", lambda *given, **more: calls.append((*given, more))
    )

    options = [
        "--host",
        "0.0.0.0",
        "--port",
        "1234",
        "--allow-host",
        "mock",
        "--chunk-delay",
        "1.5",
    ]
    assert main(["serve", *options]) == 0
    assert calls == [("0.0.0.0", 1234, {"allowed_hosts": ["mock"], "chunk_delay": 1.5})]


@pytest.mark.parametrize(
    ("host", "base_url"),
    [
        ("127.0.0.1", "http://127.0.0.1:"),
        ("0.0.0.0", "http://127.0.0.1:"),
        ("::1", "http://[::1]:"),
        ("::", "http://[::1]:"),
    ],
)
def test_serve_prints_an_address_that_leads_to_it(monkeypatch, capsys, host, base_url):
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: self._ready())

    assert main(["serve", "--host", host, "--port", "0"]) == 0
    assert f"export OPENROUTER_API_BASE={base_url}" in capsys.readouterr().out


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "soon"])
def test_serve_refuses_what_is_no_number_of_seconds(seconds, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["serve", f"--chunk-delay={seconds}"])

    assert caught.value.code == 2
    assert "is not a number of seconds" in capsys.readouterr().err


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

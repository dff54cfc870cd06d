"""`glm-openrouter providers`: who serves a model, and on which terms."""

import json

import pytest

from glm_openrouter import ChatRequest, Client
from glm_openrouter.cli import main
from glm_openrouter.testing import json_reply

TOOLS = ["tools", "structured_outputs"]
ROWS = [
    {"tag": "down/fp8", "status": -2, "supported_parameters": TOOLS, "throughput_last_30m": {"p50": 90}},
    {"tag": "slow/fp8", "supported_parameters": TOOLS, "throughput_last_30m": {"p50": 20}},
    {"tag": "toolless/fp8", "supported_parameters": [], "throughput_last_30m": {"p50": 80}},
    {"tag": "unknown/fp8", "supported_parameters": TOOLS},
    {"tag": "shaky/fp8", "supported_parameters": TOOLS, "uptime_last_30m": 80, "throughput_last_30m": {"p50": 70}},
    {
        "tag": "fast/fp8",
        "provider_name": "Fast",
        "quantization": "fp8",
        "context_length": 202752,
        "max_completion_tokens": 16384,
        "pricing": {"prompt": "0.00000043", "completion": "0.00000175", "input_cache_read": "0.00000008"},
        "supported_parameters": ["tools"],
        "status": 0,
        "uptime_last_30m": 99.87,
        "latency_last_30m": {"p50": 740},
        "throughput_last_30m": {"p50": 61},
    },
]  # fmt: skip
ORDER = ["fast/fp8", "slow/fp8", "unknown/fp8", "shaky/fp8", "toolless/fp8", "down/fp8"]


@pytest.fixture
def server(scripted_openrouter, monkeypatch):
    started = scripted_openrouter(json_reply({"data": {"endpoints": ROWS}}))
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-of-a-test")
    monkeypatch.setenv("OPENROUTER_API_BASE", started.base_url)
    return started


def rows(out):
    """Return the cells of each row of the table, by provider."""
    words = [line.split() for line in out.splitlines()]
    return {cells[0]: cells for cells in words if cells and "/" in cells[0] and len(cells) > 2}


def test_offline_it_lists_the_providers(capsys):
    assert main(["providers", "--offline"]) == 0

    assert {"z-ai/fp8", "venice/fp4"} <= rows(capsys.readouterr().out).keys()


def test_offline_the_first_one_is_the_one_that_answers(capsys, offline_openrouter):
    main(["providers", "--offline"])

    with Client(api_key="sk-or-v1-of-a-test", base_url=offline_openrouter.base_url) as client:
        request = ChatRequest(messages=[{"role": "user", "content": "Hello"}])
        answering = client.complete(request).provider
    assert next(iter(rows(capsys.readouterr().out))).startswith(answering.lower())


def test_the_best_comes_first(server, capsys):
    main(["providers"])

    assert list(rows(capsys.readouterr().out)) == ORDER


def test_a_row_has_prices_limits_and_speed(server, capsys):
    main(["providers"])

    expected = "fast/fp8 0.43 1.75 0.08 203k 16k 99.9 0.74 61 yes no fp8"
    assert rows(capsys.readouterr().out)["fast/fp8"] == expected.split()


def test_a_large_context_is_shown_in_millions(scripted_openrouter, monkeypatch, capsys):
    row = {"tag": "large/fp8", "context_length": 1_048_576, "max_completion_tokens": 999_600}
    server = scripted_openrouter(json_reply({"data": {"endpoints": [row]}}))
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-of-a-test")
    monkeypatch.setenv("OPENROUTER_API_BASE", server.base_url)
    main(["providers"])

    assert rows(capsys.readouterr().out)["large/fp8"][1:3] == ["1.0M", "1.0M"]


@pytest.mark.parametrize("columns", [120, 80, 60, 40])
def test_a_table_fits_and_keeps_the_prices(server, monkeypatch, capsys, columns):
    monkeypatch.setattr("glm_openrouter.cli._common._PIPED_WIDTH", columns)
    monkeypatch.setenv("COLUMNS", str(columns))
    main(["providers"])

    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= columns
    assert "\N{HORIZONTAL ELLIPSIS}" not in out
    assert rows(out)["fast/fp8"][1:3] == ["0.43", "1.75"]


def test_columns_without_room_are_named(server, monkeypatch, capsys):
    monkeypatch.setattr("glm_openrouter.cli._common._PIPED_WIDTH", 60)
    monkeypatch.setenv("COLUMNS", "60")
    main(["providers"])

    out = capsys.readouterr().out
    assert "No room for: Quant., Schema, Cached, First" in out
    assert "--json" in out


def test_what_is_not_known_stays_empty(server, capsys):
    main(["providers"])

    assert rows(capsys.readouterr().out)["unknown/fp8"] == ["unknown/fp8", "yes", "yes"]


def test_json_has_the_same_rows_in_the_same_order(server, capsys):
    main(["providers", "--json"])

    listed = json.loads(capsys.readouterr().out)
    assert [row["tag"] for row in listed] == ORDER
    assert listed[0]["pricing"]["prompt"] == pytest.approx(0.43)
    assert listed[0]["max_completion_tokens"] == 16384


def test_the_routing_suffix_is_not_part_of_the_look_up(server):
    main(["providers"])
    main(["providers", "--model", "z-ai/glm-4.7:nitro"])

    assert [request.path for request in server.requests] == [
        "/api/v1/models/z-ai/glm-4.6/endpoints",
        "/api/v1/models",
        "/api/v1/models/z-ai/glm-4.7/endpoints",
        "/api/v1/models",
    ]


@pytest.mark.parametrize("columns", [80, 120])
def test_a_model_that_retires_is_told(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    main(["providers", "-m", "z-ai/glm-4.7:nitro", "--offline"])
    retirement = "OpenRouter retires z-ai/glm-4.7 on 2026-12-31"
    assert retirement in capsys.readouterr().out

    main(["providers", "-m", "z-ai/glm-4.7", "--offline", "--json"])
    out, err = capsys.readouterr()
    assert json.loads(out)
    assert retirement in err

    main(["providers", "--offline"])
    assert "retires" not in capsys.readouterr().out


def test_an_unknown_model_is_an_error_in_one_line(capsys):
    assert main(["providers", "-m", "z-ai/glm-9.9", "--offline"]) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("glm-openrouter providers: ")
    assert "not found" in line

"""`glm-openrouter batch --dry-run` says what will be asked and what it will cost, and asks nothing."""

import re
from pathlib import Path

from glm_openrouter.testing import json_reply

from .conftest import REVIEWS, write_jsonl


def test_a_dry_run_shows_three_questions_and_sends_none(batch):
    assert batch("--dry-run", "--system", "Be brief.") == 0

    assert batch.asked == []
    assert [request.method for request in batch.server.requests] == ["GET"]
    assert batch.out.count("[user] Label: ") == 3
    assert batch.out.count("[system] Be brief.") == 3
    assert "[user] Label: It came late." not in batch.out


def test_a_dry_run_leaves_no_file(batch):
    batch("--dry-run")

    assert [path.name for path in Path().iterdir()] == ["reviews.jsonl"]


def test_a_dry_run_names_tokens_prices_and_the_whole(batch):
    batch("--dry-run", "--max-tokens", "5000", "--no-reasoning")

    assert "4 rows, 0 of them done: 4 are left." in batch.out
    tokens = int(re.search(r"about (\d+) tokens each", batch.out)[1])
    assert 5 <= tokens <= 30
    assert "0.4300 to 0.6000 USD per million tokens of questions" in batch.out
    # Four answers of 1,000 tokens at 1.75 to 2.20 USD a million, and hardly anything for the questions.
    assert re.search(r"has 1,000 tokens: 0\.0070\d* to 0\.0088\d* USD", batch.out)
    assert re.search(r"by --max-tokens 5,000: 0\.0350\d* to 0\.0440\d* USD", batch.out)


def test_a_dry_run_leaves_out_who_is_down(batch, scripted_openrouter, monkeypatch):
    endpoints = [
        {"status": status, "pricing": {"prompt": price, "completion": price}}
        for status, price in ((0, "0.000001"), (None, "0.000002"), (-2, "0.000009"))
    ]
    server = scripted_openrouter(json_reply({"data": {"endpoints": endpoints}}))
    monkeypatch.setenv("OPENROUTER_API_BASE", server.base_url)
    batch("--dry-run")

    assert "now costs 1.00 to 2.00 USD per million tokens of questions" in batch.out


def test_a_dry_run_goes_by_what_earlier_rows_have_cost(batch):
    batch("--limit", "2")
    batch("--dry-run")

    assert "4 rows, 2 of them done: 2 are left." in batch.out
    assert "By what 2 rows have cost so far" in batch.out


def test_a_dry_run_counts_what_many_rows_hold_by_some_of_them(batch):
    write_jsonl("many.jsonl", [{"id": n, "text": "tea " * 50} for n in range(4500)])
    batch("--dry-run", rows="many.jsonl")

    each, whole = re.search(r"about (\d+) tokens each, ([\d,]+) in all", batch.out).groups()
    assert int(whole.replace(",", "")) == int(each) * 4500


def test_what_a_dry_run_shows_commands_no_terminal(batch):
    write_jsonl("reviews.jsonl", [{"id": "\x1b[2J", "text": "\x1b]0;title\x07\u202eabc"}])
    batch("--dry-run")

    assert "abc" in batch.out
    assert not set("\x1b\x07\u202e") & set(batch.out)


def test_a_dry_run_refuses_what_a_run_does(batch):
    assert batch("--dry-run", prompt="Label: {texts}") == 2
    assert "{texts}, which is no column" in batch.err


def test_it_works_offline(batch, monkeypatch):
    monkeypatch.delenv("OPENROUTER_API_KEY")

    assert batch("--offline", "--dry-run") == 0
    assert batch("--offline") == 0
    assert len(Path("labels.jsonl").read_text().splitlines()) == len(REVIEWS)
    assert batch.server.requests == []

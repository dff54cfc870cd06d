"""The picture of `docs/cost.md`: a plot of a log that is made up. `python -m support.spend_picture` draws it."""

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib

from glm_openrouter import read_log_report

from .pages import ROOT

PICTURE = ROOT / "docs" / "images" / "spend.svg"

PROVIDERS = {
    "Venice": (30, 1.6, 61),
    "Novita": (11, 1.1, 47),
    "Z.AI": (7, 1.4, 38),
    "DeepInfra": (4, 0.7, 29),
}
"""Calls a day, seconds to the first token, tokens a second."""


def write_log(path: Path) -> None:
    """Write ten days of calls, the same each time."""
    chance = random.Random(4)
    with path.open("w") as log:
        for day in range(10):
            for provider, (calls, first, speed) in PROVIDERS.items():
                for _ in range(chance.randint(calls // 2, calls * 2)):
                    log.write(json.dumps(make_call(chance, day, provider, first, speed)) + "\n")


def make_call(
    chance: random.Random, day: int, provider: str, first: float, speed: float
) -> dict[str, object]:
    """Return a call on a day at a provider."""
    tokens = chance.randint(100, 900)
    begin = first * chance.uniform(0.6, 1.8)
    return {
        "time": (datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(days=day)).isoformat(),
        "operation": "chat",
        "model": "z-ai/glm-4.6",
        "provider": provider,
        "prompt_tokens": 1200,
        "cached_tokens": chance.choice((0, 600, 900)),
        "completion_tokens": tokens,
        "cost": 0.0005 + tokens * 2e-6,
        "seconds": begin + tokens / (speed * chance.uniform(0.8, 1.2)),
        "seconds_to_first_token": begin,
    }


def main() -> None:
    """Draw the picture."""
    with TemporaryDirectory() as folder:
        log = Path(folder) / "calls.jsonl"
        write_log(log)
        figure = read_log_report(log).plot()
    PICTURE.parent.mkdir(exist_ok=True)
    with matplotlib.rc_context({"svg.hashsalt": "spend"}):  # so that it is the same file each time
        figure.savefig(PICTURE, metadata={"Date": None})


if __name__ == "__main__":
    main()

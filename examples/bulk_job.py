"""Bulk: the same question about each row of a file, by a command that is killed on its way and goes on."""

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROWS = 40


def main() -> None:
    with TemporaryDirectory() as folder:
        reviews, labels = Path(folder, "reviews.jsonl"), Path(folder, "labels.jsonl")
        with reviews.open("w") as file:
            for number in range(ROWS):
                row = {"id": number, "text": f"Tea {number} was {('good', 'bad')[number % 2]}."}
                file.write(f"{json.dumps(row)}\n")
        question = ["--prompt", "Is this review good or bad? {text}", "--in-flight", "4"]
        command = [sys.executable, "-m", "glm_openrouter", "batch", reviews, labels, *question]

        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as killed:
            while killed.poll() is None and len(lines_of(labels)) < ROWS // 3:
                time.sleep(0.01)
            killed.kill()
        print(f"Killed with {len(lines_of(labels))} of {ROWS} rows. The same command again:")

        again = subprocess.run(command, check=True, capture_output=True, text=True)
        print(again.stdout.strip())
        ids = {json.loads(line)["id"] for line in lines_of(labels)}
        print(
            f"{len(lines_of(labels))} lines of {len(ids)} rows: none is lost, none is there twice."
        )


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.exists() else []


if __name__ == "__main__":
    main()

"""CPU time and memory that an import costs over the framework that is imported anyway, each in fresh interpreters."""

import argparse
import json
import os
import subprocess
import sys

from _measure import HERE, median, print_table

FLOORS = {
    "langchain": "from langchain_core.language_models import BaseChatModel; import langchain_core.tools",
    "llamaindex": "from llama_index.core.llms.function_calling import FunctionCallingLLM",
}
IMPORTS = {
    "langchain_glm": ("langchain", "from langchain_glm import ChatGLM"),
    "langchain_openai": ("langchain", "from langchain_openai import ChatOpenAI"),
    "langchain_openrouter": ("langchain", "from langchain_openrouter import ChatOpenRouter"),
    "langchain_litellm": ("langchain", "from langchain_litellm import ChatLiteLLM"),
    "llamaindex_glm": ("llamaindex", "from llamaindex_glm import GLM"),
    "llama_index.llms.openrouter": (
        "llamaindex",
        "from llama_index.llms.openrouter import OpenRouter",
    ),
}
HEAVY = (
    "openai",
    "openrouter",
    "tiktoken",
    "transformers",
    "numpy",
    "rich",
    "aiohttp",
    "starlette",
    "uvicorn",
)

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it is fetched from GitHub
}
"""Compiled once, in the first round, as what is installed is; a program does not compile it with each start."""

PROBE = """
import json, sys, time
sys.path.append({here!r})
from _measure import memory
start = time.process_time()
{floor}
floor, before, known = time.process_time(), memory(), set(sys.modules)
{statement}
over = time.process_time() - floor
heavy = [name for name in {heavy!r} if name in sys.modules and name not in known]
print(json.dumps([floor - start, over, before, memory() - before, heavy]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--only", nargs="*", default=[*IMPORTS], help="what to import")
    options = parser.parse_args()
    runs: dict[str, list[list]] = {name: [] for name in options.only}
    for number in range(options.repeat + 1):
        for name in options.only:
            figures = probe(name)
            if number:  # the first only compiles, and fills the cache of the disk
                runs[name].append(figures)
    head = ["", "framework: s", "over it: s", "framework: MB", "over it: MB", "heavy modules"]
    print_table(head, [[name, *summary(figures)] for name, figures in runs.items()])


def probe(name: str) -> list:
    framework, statement = IMPORTS[name]
    code = PROBE.format(here=str(HERE), floor=FLOORS[framework], statement=statement, heavy=HEAVY)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def summary(runs: list[list]) -> list[str]:
    *figures, heavy = zip(*runs, strict=True)
    floor, over, before, more = map(median, figures)
    return [f"{floor:.2f}", f"{over:.3f}", f"{before:.0f}", f"{more:.1f}", ", ".join(heavy[0])]


if __name__ == "__main__":
    main()

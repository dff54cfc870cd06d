"""CPU time from the import to the first answer, over the framework that is imported anyway, each in fresh interpreters.

Measured are the import, which is where most of the memory goes, the first model that is made, and its first answer,
which comes from a loopback server. What a package puts off at its import is paid there.
"""

import argparse
import json
import os
import subprocess
import sys

from _figures import Figures, Table, add_option
from _measure import HERE, KEY, MODEL, median, running_server

FLOORS = {
    "langchain": "from langchain_core.language_models import BaseChatModel; import langchain_core.tools",
    "llamaindex": "from llama_index.core.llms.function_calling import FunctionCallingLLM",
}
ASK = {"langchain": "model.invoke('Why?')", "llamaindex": "model.complete('Why?')"}
IMPORTS = {
    "langchain_glm": (
        "langchain",
        "from langchain_glm import ChatGLM",
        "ChatGLM(model=MODEL, api_key=KEY, base_url=URL)",
    ),
    "langchain_openai": (
        "langchain",
        "from langchain_openai import ChatOpenAI",
        "ChatOpenAI(model=MODEL, api_key=KEY, base_url=URL)",
    ),
    "langchain_openrouter": (
        "langchain",
        "from langchain_openrouter import ChatOpenRouter",
        "ChatOpenRouter(model=MODEL, api_key=KEY, base_url=URL)",
    ),
    "langchain_litellm": (
        "langchain",
        "from langchain_litellm import ChatLiteLLM",
        "ChatLiteLLM(model='openrouter/' + MODEL, api_key=KEY, api_base=URL)",
    ),
    "llamaindex_glm": (
        "llamaindex",
        "from llamaindex_glm import GLM",
        "GLM(model=MODEL, api_key=KEY, api_base=URL)",
    ),
    "llama_index.llms.openrouter": (
        "llamaindex",
        "from llama_index.llms.openrouter import OpenRouter",
        "OpenRouter(model=MODEL, api_key=KEY, api_base=URL)",
    ),
}
"""Module -> its framework, its import, and how a model is made."""
HEAVY = (
    "openai",
    "openrouter",
    "litellm",
    "tiktoken",
    "transformers",
    "numpy",
    "rich",
    "aiohttp",
    "starlette",
    "uvicorn",
)
COLUMNS = {
    "framework": "framework: s",
    "import": "import: s",
    "model": "first model: s",
    "answer": "first answer: s",
    "framework-memory": "framework: MB",
    "memory": "import: MB",
}

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it is fetched from GitHub
}
"""Compiled once, in the first round, as what is installed is; a program does not compile it with each start."""

PROBE = """
import json, sys, time
sys.path.append({here!r})
from _measure import memory
MODEL, KEY, URL = {model!r}, {key!r}, {url!r}
times = [time.process_time()]
def lap():
    times.append(time.process_time())
    return times[-1] - times[-2]
{floor}
figures = {{"framework": lap(), "framework-memory": memory()}}
known = set(sys.modules)
lap()
{statement}
figures["import"] = lap()
figures["memory"] = memory() - figures["framework-memory"]
heavy = [name for name in {heavy!r} if name in sys.modules and name not in known]
lap()
model = {construct}
figures["model"] = lap()
{ask}
figures["answer"] = lap()
print(json.dumps([figures, heavy]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=9, help="rounds; the median counts")
    parser.add_argument("--only", nargs="*", choices=IMPORTS, help="what to import")
    add_option(parser)
    options = parser.parse_args()
    figures = Figures("imports", options)
    names = options.only or [*IMPORTS]
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    heavy: dict[str, list[str]] = {}
    with running_server() as url:
        for number in range(options.repeat + 1):
            for name in names:
                found, heavy[name] = probe(name, f"{url}/api/v1")
                if number:  # the first only compiles, and fills the cache of the disk
                    runs[name].append(found)
    rows = {
        name: {column: median([run[column] for run in found]) for column in COLUMNS}
        for name, found in runs.items()
    }
    figures.add("cold", "CPU time and memory, over the framework", Table(COLUMNS, rows))
    for name, modules in heavy.items():
        print(f"{name} imports {', '.join(modules) or 'nothing heavy'}")


def probe(name: str, url: str) -> tuple[dict[str, float], list[str]]:
    framework, statement, construct = IMPORTS[name]
    code = PROBE.format(
        here=str(HERE),
        model=MODEL,
        key=KEY,
        url=url,
        floor=FLOORS[framework],
        statement=statement,
        heavy=HEAVY,
        construct=construct,
        ask=ASK[framework],
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return tuple(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()

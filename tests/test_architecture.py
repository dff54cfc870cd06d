"""The house is as its picture in docs/design.md shows it, and its arrows go one way."""

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("glm_openrouter", "langchain_glm", "llamaindex_glm")

ALLOWED = {
    "glm_openrouter": {
        "httpcore",
        "httpx",
        "httpx2",  # for its types: a user may pass a client of it
        "aiohttp",
        "jsonschema",
        "jsonschema_specifications",  # the schemas of schemas, which `jsonschema` brings
        "msgspec",
        "pydantic",
        "pydantic_core",
        "referencing",  # what references mean, which `jsonschema` brings
    },
    "glm_openrouter/_redis.py": {"redis"},
    "glm_openrouter/batch": {"tqdm"},  # where a user asks for a bar
    "glm_openrouter/cli": {"msgspec", "pyarrow", "pydantic", "rich"},
    "glm_openrouter/ray": {"pyarrow", "pydantic", "ray"},
    "glm_openrouter/spending": {"matplotlib", "msgspec"},
    "glm_openrouter/testing": {"h11", "msgspec", "pydantic", "pytest", "starlette", "uvicorn"},
    # Nothing else needs OpenTelemetry, and nothing imports this with the rest.
    "glm_openrouter/telemetry": {"opentelemetry"},
    "langchain_glm": {
        "glm_openrouter",
        "langchain_core",
        "langchain_protocol",  # the types of LangChain's events, which `langchain_core` brings
        "pydantic",
        "tqdm",  # where a user asks for a bar
        "typing_extensions",
    },
    # Nothing else needs the package of the agents, and nothing imports this with the rest.
    "langchain_glm/middleware.py": {"glm_openrouter", "langchain", "langchain_core", "langgraph"},
    "llamaindex_glm": {
        "glm_openrouter",
        "llama_index",
        "llama_index_instrumentation",
        "msgspec",
        "pydantic",
    },
}
"""Package -> what it may import beside itself and the standard library."""


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def sources() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            inner = path.relative_to(ROOT).parts[:2]
            yield "/".join(inner) if "/".join(inner) in ALLOWED else package, path


@pytest.mark.parametrize(
    ("package", "path"), list(sources()), ids=lambda value: str(value).removeprefix(f"{ROOT}/")
)
def test_a_module_imports_only_what_its_package_may(package: str, path: Path) -> None:
    foreign = set(imports_of(path)) - sys.stdlib_module_names - {package.partition("/")[0]}
    assert foreign <= ALLOWED[package]


def test_httpx_has_one_door() -> None:
    core = [path for package, path in sources() if package == "glm_openrouter"]
    assert {path.parent.name for path in core if "httpx" in set(imports_of(path))} == {"_http"}


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """Module -> the modules that it imports, also where only a type checker does."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def test_no_file_imports_itself_by_way_of_others(imports: dict[str, set[str]]) -> None:
    TopologicalSorter(imports).prepare()  # a CycleError names the circle


def block_of(language: str) -> list[str]:
    """Return the lines of a block of the page about the design."""
    page = (ROOT / "docs" / "design.md").read_text()
    block = re.search(rf"^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert block
    return block[1].splitlines()


def files_in_picture() -> set[str]:
    """Return the paths that the tree of the page names; a folder without files of its own stands for all in it."""
    paths: list[str] = []
    folders: list[str] = []
    for line in block_of("tree"):
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        folders[depth:] = [name]
        paths.append("".join(folders))
    return set(paths)


def test_the_picture_of_the_house_names_every_file() -> None:
    pictured = files_in_picture()
    whole = {
        path
        for path in pictured
        if path.endswith("/")
        and not any(other != path and other.startswith(path) for other in pictured)
    }
    files = {str(path.relative_to(ROOT)) for _, path in sources()}
    files = {path for path in files if not path.endswith(("__init__.py", "__main__.py"))}
    drawn = {path for path in pictured if path.endswith(".py")}
    assert drawn == {path for path in files if not path.startswith(tuple(whole))}
    assert {
        folder for folder in whole if not any(path.startswith(folder) for path in files)
    } == set()


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == "glm_openrouter" and len(parts) > 1 else parts[0]


def test_the_picture_shows_the_arrows_that_there_are(imports: dict[str, set[str]]) -> None:
    drawn = {}
    for line in block_of("arrows"):
        room, _, others = line.partition("->")
        drawn[room.strip()] = set(others.split())
    arrows: dict[str, set[str]] = {room: set() for room in drawn}
    for module, imported in imports.items():
        room = room_of(module)
        if room in drawn:
            arrows[room] |= {room_of(other) for other in imported} - {room}
    assert arrows == drawn
    core = {room_of(module) for module in imports if module.startswith("glm_openrouter.")}
    assert core - {"__main__"} == drawn.keys()

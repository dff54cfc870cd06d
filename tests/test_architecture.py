"""The arrows between the packages go one way."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

ALLOWED = {
    "glm_openrouter": {
        "httpcore",
        "httpx",
        "aiohttp",
        "jsonschema",
        "jsonschema_specifications",  # the schemas of schemas, which `jsonschema` brings
        "msgspec",
        "pydantic",
        "pydantic_core",
        "referencing",  # what references mean, which `jsonschema` brings
        "tenacity",
    },
    "glm_openrouter/cli": {"msgspec", "rich"},
    "glm_openrouter/testing": {"h11", "msgspec", "pydantic", "pytest", "starlette", "uvicorn"},
    "langchain_glm": {
        "glm_openrouter",
        "langchain_core",
        "langchain_protocol",  # the types of LangChain's events, which `langchain_core` brings
        "pydantic",
        "typing_extensions",
    },
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
    for package in ("glm_openrouter", "langchain_glm", "llamaindex_glm"):
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

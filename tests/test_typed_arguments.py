"""What type checkers know of the arguments of our constructors is what the constructors take."""

import ast
import runpy
from functools import partial
from pathlib import Path

import pytest
from pydantic import ValidationError

import langchain_glm
import llamaindex_glm
from glm_openrouter import ChatRequest, GLMError
from langchain_glm import ChatGLM
from support import typed_arguments

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "tests" / "typing" / "constructors.py"
KEY = "sk-or-v1-typed"

CONSTRUCTORS = {
    "glm_openrouter.request.arguments:ChatRequestArguments": ChatRequest,
    "langchain_glm._arguments:ChatGLMArguments": ChatGLM,
    "langchain_glm._arguments:GLMArguments": langchain_glm.GLM,
    "langchain_glm._arguments:OpenRouterEmbeddingsArguments": langchain_glm.OpenRouterEmbeddings,
    "langchain_glm._arguments:OpenRouterRerankArguments": langchain_glm.OpenRouterRerank,
    "llamaindex_glm._arguments:GLMArguments": partial(llamaindex_glm.GLM, "z-ai/glm-4.6"),
    "llamaindex_glm._arguments:OpenRouterEmbeddingArguments": llamaindex_glm.OpenRouterEmbedding,
    "llamaindex_glm._arguments:OpenRouterRerankArguments": llamaindex_glm.OpenRouterRerank,
}


@pytest.mark.parametrize("path", typed_arguments.files(), ids=lambda path: path.parent.name)
def test_the_typed_arguments_are_those_of_the_fields(path):
    written, stored = typed_arguments.sources()[path], path.read_text()
    assert without_form(stored) == without_form(written), (
        f"{path.relative_to(ROOT)} is not what the fields say: run `make arguments`"
    )


def without_form(source):
    """Return the statements of a file, but its imports, which the formatter sorts."""
    body = ast.parse(source).body
    return [ast.unparse(node) for node in body if not isinstance(node, ast.ImportFrom)]


def test_programs_do_not_load_the_typed_arguments():
    types = {"arguments", "_arguments", "_framework"}
    packages = ("glm_openrouter", "langchain_glm", "llamaindex_glm")
    others = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    loading = [
        str(path.relative_to(ROOT))
        for path in others
        if path.stem not in types
        for node in ast.parse(path.read_text()).body  # not under `if TYPE_CHECKING`
        if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2] in types
    ]
    assert loading == []


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_every_field_is_a_typed_argument(name):
    constructor = CONSTRUCTORS[name]
    kind = constructor.func if isinstance(constructor, partial) else constructor
    fields = kind.model_fields.items()
    names = {other for field, info in fields for other in typed_arguments.names_of(field, info)}
    untyped = names - {*typed_arguments.find(name).__annotations__} - {"model"}
    assert untyped == set(), (
        "run `make arguments`; what is the framework's own belongs into _framework.py"
    )


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_every_typed_argument_is_an_argument(name):
    keys = typed_arguments.find(name).__annotations__.keys()
    unknown = [key for key in keys if not is_argument(CONSTRUCTORS[name], key)]
    assert unknown == []


def is_argument(constructor, key):
    try:
        constructor(**{key: object()})
    except ValidationError as error:
        problems = [(problem["type"], problem["loc"]) for problem in error.errors()]
        return ("extra_forbidden", (key,)) not in problems
    except (GLMError, TypeError):
        pass  # it was looked at
    return True


@pytest.mark.parametrize("group", ["models", "clients", "requests"])
def test_what_type_checks_can_be_made(group):
    runpy.run_path(str(EXAMPLES))[group]()


def mistakes():
    functions = [node for node in ast.parse(EXAMPLES.read_text()).body if hasattr(node, "name")]
    for function in functions:
        if function.name in ("misspelt", "of_wrong_types"):
            yield from (ast.unparse(statement) for statement in function.body)


@pytest.mark.parametrize("mistake", [*mistakes()])
def test_what_does_not_type_check_cannot_be_made(mistake, monkeypatch):
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    names = runpy.run_path(str(EXAMPLES))
    with pytest.raises((ValidationError, GLMError, TypeError, AttributeError)):
        exec(mistake, names)

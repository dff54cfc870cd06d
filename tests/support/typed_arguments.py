"""Writes what type checkers and editors know of our constructors, from the fields: `make arguments`.

A field says what a value is once it has been validated. What may be given for it can be more: a dict for an object, a
text for a secret, another name. So each constructor has a `TypedDict` with a key for every name of every field, and the
docstring of the field under it. Only type checkers import these.
"""

import ast
import importlib
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from pydantic import AliasChoices, BaseModel, BeforeValidator, SecretStr
from pydantic.fields import FieldInfo

from glm_openrouter import Settings

ROOT = Path(__file__).resolve().parents[2]


class Arguments(NamedTuple):
    """One `TypedDict`."""

    description: str
    sources: tuple[str, ...]
    """The classes whose own fields are its keys, as `module:name`."""
    bases: tuple[str, ...] = ()
    """What it inherits keys from: `module:name`."""
    other_names: bool = True
    """Whether the aliases of the fields are keys, too."""
    leaves_out: tuple[str, ...] = ()
    """Fields that are parameters of their own."""


_PARAMETERS = "glm_openrouter.request.arguments:ParameterArguments"
_SHARED = "glm_openrouter._client.arguments:SharedOptions"
_HISTORY = "glm_openrouter.request.arguments:HistoryArguments"
_RETRIEVAL = "glm_openrouter.retrieval.arguments:RetrievalArguments"
_VECTORS = "glm_openrouter.retrieval.arguments:VectorArguments"
_RERANK = "glm_openrouter.retrieval.arguments:RerankOptions"
_CONNECTION = "glm_openrouter._client.arguments:ConnectionArguments"
_TEXT_MODEL = "langchain_glm._arguments:GLMArguments"

ARGUMENTS = {
    _PARAMETERS: Arguments(
        "Parameters of a request, for a model or for one request.",
        ("glm_openrouter.request.parameters:ModelParameters",),
    ),
    "glm_openrouter.request.arguments:ChatRequestArguments": Arguments(
        "Arguments of `ChatRequest`.",
        ("glm_openrouter.request.chat:ChatRequest",),
        bases=(_PARAMETERS,),
    ),
    _HISTORY: Arguments(
        "What becomes of earlier turns.",
        ("glm_openrouter.request.history:HistoryOptions",),
    ),
    _SHARED: Arguments(
        "Options that clients and models have under the same names.",
        ("glm_openrouter._client.options:ConnectionOptions",),
        other_names=False,
    ),
    "glm_openrouter._client.arguments:ClientOptions": Arguments(
        "Options of `Client` and `AsyncClient`. Every key is optional.",
        ("glm_openrouter._client.options:Account",),
        bases=(_SHARED,),
    ),
    _CONNECTION: Arguments(
        "Options of the connection and of conversations, as models take them.",
        (
            "glm_openrouter._client.options:ConnectionOptions",
            "glm_openrouter.adapters:ConnectedBase",
        ),
        bases=(_SHARED,),
    ),
    _TEXT_MODEL: Arguments(
        "Arguments of `GLM`.",
        ("langchain_glm._connection:Connected", "langchain_glm._base:OpenRouterModel"),
        bases=(_PARAMETERS, _HISTORY, _CONNECTION, "langchain_glm._framework:LLMArguments"),
    ),
    "langchain_glm._arguments:ChatGLMArguments": Arguments(
        "Arguments of `ChatGLM`.",
        ("langchain_glm.chat_models:ChatGLM",),
        bases=(_TEXT_MODEL, "langchain_glm._framework:ChatModelArguments"),
    ),
    "llamaindex_glm._arguments:GLMArguments": Arguments(
        "Arguments of `GLM`, beside the model, which may come first.",
        (
            "llamaindex_glm._connection:Connected",
            "llamaindex_glm._compat:OpenAICompatArguments",
            "llamaindex_glm.llm:GLM",
        ),
        bases=(_PARAMETERS, _HISTORY, _CONNECTION, "llamaindex_glm._framework:LLMArguments"),
        leaves_out=("model",),
    ),
    _RETRIEVAL: Arguments(
        "What requests for vectors and for an order may be made with.",
        ("glm_openrouter.retrieval.parameters:RetrievalParameters",),
    ),
    _VECTORS: Arguments(
        "What all vectors of one store have in common.",
        ("glm_openrouter.retrieval.parameters:VectorParameters",),
        bases=(_RETRIEVAL,),
    ),
    "glm_openrouter.retrieval.arguments:EmbeddingOptions": Arguments(
        "Options of `embed`. Every key is optional.",
        ("glm_openrouter.retrieval.parameters:EmbeddingParameters",),
        bases=(_VECTORS,),
    ),
    _RERANK: Arguments(
        "Options of `rerank`. Every key is optional.",
        ("glm_openrouter.retrieval.parameters:RerankParameters",),
        bases=(_RETRIEVAL,),
    ),
    "langchain_glm._arguments:OpenRouterEmbeddingsArguments": Arguments(
        "Arguments of `OpenRouterEmbeddings`.",
        (
            "langchain_glm._connection:Connected",
            "glm_openrouter.retrieval_bases:EmbedderBase",
            "langchain_glm.embeddings:OpenRouterEmbeddings",
        ),
        bases=(_VECTORS, _CONNECTION),
    ),
    "langchain_glm._arguments:OpenRouterRerankArguments": Arguments(
        "Arguments of `OpenRouterRerank`.",
        ("langchain_glm._connection:Connected",),
        bases=(_RERANK, _CONNECTION),
    ),
    "llamaindex_glm._arguments:OpenRouterEmbeddingArguments": Arguments(
        "Arguments of `OpenRouterEmbedding`.",
        (
            "llamaindex_glm._connection:Connected",
            "glm_openrouter.retrieval_bases:EmbedderBase",
            "llamaindex_glm.embedding:OpenRouterEmbedding",
        ),
        bases=(_VECTORS, _CONNECTION, "llamaindex_glm._framework:EmbeddingArguments"),
    ),
    "llamaindex_glm._arguments:OpenRouterRerankArguments": Arguments(
        "Arguments of `OpenRouterRerank`.",
        ("llamaindex_glm._connection:Connected",),
        bases=(_RERANK, _CONNECTION, "llamaindex_glm._framework:PostprocessorArguments"),
    ),
}
"""`module:name` of each `TypedDict`, after those that it inherits from -> what it holds."""


def files() -> list[Path]:
    """Return the files that are written."""
    modules = dict.fromkeys(name.partition(":")[0] for name in ARGUMENTS)
    return [ROOT / f"{module.replace('.', '/')}.py" for module in modules]


class Field(NamedTuple):
    """One field, as its class says it."""

    names: list[str]
    """What its argument may be called, its own name first."""
    annotation: Any
    docstring: str
    required: bool


def keys_of(name: str) -> list[str]:
    """Return the keys of a `TypedDict` of ours, with those it inherits from others."""
    inherited = [
        key for base in ARGUMENTS[name].bases if base in ARGUMENTS for key in keys_of(base)
    ]
    return inherited + [key for key, _ in own_keys(name)]


def own_keys(name: str) -> list[tuple[str, Field]]:
    """Return the keys that a `TypedDict` does not inherit, and the fields behind them."""
    arguments = ARGUMENTS[name]
    fields = [field for source in arguments.sources for field in fields_of(find(source))]
    keys = [
        (key, field)
        for field in fields
        for key in (field.names if arguments.other_names else field.names[:1])
    ]
    inherited = {key for base in arguments.bases if base in ARGUMENTS for key in keys_of(base)}
    return [(key, field) for key, field in keys if key not in inherited | {*arguments.leaves_out}]


def find(name: str) -> Any:
    """Return what `module:name` names."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def fields_of(kind: type) -> Iterator[Field]:
    """Yield the fields that the body of a class declares."""
    infos: Mapping[str, FieldInfo] = kind.model_fields if issubclass(kind, BaseModel) else {}
    body = class_body(kind)
    names = {**vars(sys.modules[kind.__module__]), **type_checking_names(kind.__module__)}
    for node, after in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        name = node.target.id
        if name.startswith("_") or (infos and name not in infos):
            continue
        annotation = eval(compile(ast.Expression(node.annotation), kind.__module__, "eval"), names)
        docstring = ast.literal_eval(after.value) if is_text(after) else ""
        if not docstring:
            raise TypeError(f"{kind.__name__}.{name} has no docstring: editors show it.")
        info = infos.get(name)
        yield Field(names_of(name, info), annotation, docstring, bool(info and info.is_required()))


def names_of(name: str, info: FieldInfo | None) -> list[str]:
    """Return the names that an argument has, that of the field first."""
    alias = info.validation_alias if info else None
    others = alias.choices if isinstance(alias, AliasChoices) else [alias or name]
    return [*dict.fromkeys((name, *map(str, others)))]


def is_text(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(importlib.import_module(module)))


def class_body(kind: type) -> list[ast.stmt]:
    classes = [node for node in tree_of(kind.__module__).body if isinstance(node, ast.ClassDef)]
    return next(node.body for node in classes if node.name == kind.__name__)


@cache
def type_checking_names(module: str) -> dict[str, type]:
    """Return what a module imports under `if TYPE_CHECKING`, as classes that only have these names."""
    blocks = [node for node in tree_of(module).body if isinstance(node, ast.If)]
    imports = [
        node
        for block in blocks
        if ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
    ]
    package = importlib.import_module(module).__package__
    return {
        alias.name: type(
            alias.name,
            (),
            {"__module__": resolve_name("." * node.level + (node.module or ""), package)},
        )
        for node in imports
        for alias in node.names
    }


class Writer:
    """Writes one file."""

    def __init__(self, module: str, homes: dict[str, str]) -> None:
        """Write nothing yet.

        Args:
            module: The name of the module.
            homes: In which module the `TypedDict` of each class of settings is written: the first that needs it.
        """
        self._module = module
        self._homes = homes
        self._imports: dict[str, set[str]] = {}
        self._classes: dict[str, str] = {}

    def write(self) -> str:
        """Return the source of the file."""
        for name, arguments in ARGUMENTS.items():
            if name.startswith(f"{self._module}:"):
                bases = [self._name(*base.split(":")) for base in arguments.bases]
                self._add(name.partition(":")[2], arguments.description, bases, own_keys(name))
        imports = [
            f"from {module} import {', '.join(sorted(names))}"
            for module, names in sorted(self._imports.items())
        ]
        return "\n".join(
            (
                '"""Arguments, as type checkers and editors see them: written by `make arguments`, from the fields."""',
                "from __future__ import annotations",
                *imports,
                f"__all__ = {sorted(self._classes)}",
                *self._classes.values(),
            )
        )

    def _add(
        self, name: str, description: str, bases: list[str], keys: list[tuple[str, Field]]
    ) -> None:
        lines = [
            f"class {name}({', '.join(bases or [self._name('typing', 'TypedDict')])}, total=False):"
        ]
        lines += [f'    """{description}"""']
        for key, field in keys:
            annotation = self.render(field.annotation)
            if field.required:
                annotation = f"{self._name('typing', 'Required')}[{annotation}]"
            lines += [f"    {key}: {annotation}", f'    """{field.docstring}"""']
        self._classes[name] = "\n".join(lines)

    def render(self, annotation: Any) -> str:
        """Return the source of the type of what may be given where a value has this type."""
        origin, parts = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self.render(before_validation(annotation))
        if origin in (Union, UnionType):
            return " | ".join(dict.fromkeys(self.render(part) for part in parts))
        if origin is Literal:
            return f"{self._name('typing', 'Literal')}[{', '.join(map(repr, parts))}]"
        if origin in (list, tuple):
            item = self.render(parts[0])
            if item == "str":  # a text is a sequence of texts, and no list of them
                return "list[str] | tuple[str, ...]"
            return f"{self._name('collections.abc', 'Sequence')}[{item}]"
        if origin in (dict, Mapping):
            key, value = map(self.render, parts)
            return f"{self._name('collections.abc', 'Mapping')}[{key}, {value}]"
        if origin is Callable:
            taken, returned = ", ".join(part.__name__ for part in parts[0]), parts[1]
            return f"{self._name('collections.abc', 'Callable')}[[{taken}], {returned}]"
        if origin is not None:
            raise TypeError(f"There is no rule for {annotation} as the type of an argument.")
        return self._render_class(annotation)

    def _render_class(self, kind: Any) -> str:
        if kind in (None, NoneType):
            return "None"
        name = self._name(kind.__module__, kind.__name__)
        if kind is SecretStr:
            return f"str | {name}"
        if not isinstance(kind, type) or not issubclass(kind, Settings):
            return name
        if kind.model_config.get("extra") == "allow":
            return f"{name} | {self.render(Mapping[str, Any])}"
        dict_name = f"{name}Dict"
        home = self._homes.setdefault(dict_name, self._module)
        if home != self._module:
            return f"{name} | {self._name(home, dict_name)}"
        if dict_name not in self._classes:
            own = [each for each in reversed(kind.__mro__) if issubclass(each, Settings)]
            fields = [field for each in own if each is not Settings for field in fields_of(each)]
            keys = [(field.names[0], field) for field in fields]
            self._add(dict_name, f"`{name}` as a dict.", [], keys)
        return f"{name} | {dict_name}"

    def _name(self, module: str, name: str) -> str:
        if module not in ("builtins", self._module):
            self._imports.setdefault(module, set()).add(name)
        return name


def before_validation(annotation: Any) -> Any:
    """Return what an annotated type takes: what its validator says that it takes, else what it holds."""
    kind, *metadata = get_args(annotation)
    for validator in metadata:
        if isinstance(validator, BeforeValidator):
            taken = next(iter(get_type_hints(validator.func).values()))
            return kind if taken is object else taken
    return kind


@cache
def sources() -> dict[Path, str]:
    """Return what each file holds, before it is formatted."""
    homes: dict[str, str] = {}
    return {path: Writer(module_of(path), homes).write() for path in files()}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def main() -> None:
    """Write all files."""
    for path in files():
        path.write_text(sources()[path])
    for command in (["check", "--select=I", "--fix"], ["format"]):
        subprocess.run([f"{sys.prefix}/bin/ruff", *command, "--quiet", *files()], check=True)


if __name__ == "__main__":
    main()

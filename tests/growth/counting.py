"""Work, counted: an importer that has our functions say how much they do.

Processor time differs from run to run; this does not. Each call, each turn of a loop and each character, byte or item
that a call of Python's own, a concatenation or a slice has to look at or to copy is one unit. What a regular expression
does beyond one look at each character is not seen here; `test_patterns.py` sees to that.
"""

import ast
import importlib.abc
import importlib.machinery
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CodeType, ModuleType
from typing import Any

__all__ = ["OURS", "install", "work"]

OURS = ("glm_openrouter", "langchain_glm", "llamaindex_glm")
_SIZED = (str, bytes, bytearray, list, tuple, dict)
_CHEAP = {
    *("len", "isinstance", "issubclass", "getattr", "setattr", "hasattr", "type", "id", "iter"),
    *("next", "cast", "__setattr__", "__new__", "append", "add", "get", "setdefault", "clear"),
    *("startswith", "endswith", "keys", "values", "items", "reversed", "range", "enumerate"),
    *("zip", "map", "partial", "bool", "discard"),
}
"""Functions that take the same time whatever the size of what they get, or do their work while one iterates."""

_done = 0


def work() -> int:
    """Return how much has been done since the beginning."""
    return _done


def install() -> None:
    """Have our packages count from now on; they must not have been imported."""
    assert not any(name in sys.modules for name in OURS)
    sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] not in OURS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(name, spec.loader.path)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def path_stats(self, path: str) -> Any:
        raise OSError  # so that no compiled file is read or written

    def source_to_code(self, data: Any, path: Any, *, _optimization: int = -1) -> CodeType:  # type: ignore[override]
        tree = _Counted().visit(ast.parse(data, path))
        return compile(ast.fix_missing_locations(tree), path, "exec")

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(_HOOKS)
        super().exec_module(module)


def _call(function: Any, /, *arguments: Any, **named: Any) -> Any:
    """Call a function, and count what it does if it is not cheap and does not count by itself."""
    global _done
    _done += 1
    name = getattr(function, "__name__", "")
    if name in _CHEAP or (getattr(function, "__module__", None) or "").startswith(OURS):
        return function(*arguments, **named)
    result = None
    try:
        result = function(*arguments, **named)
        return result
    finally:
        _done += _cost(function, name, arguments, result)


def _cost(function: Any, name: str, arguments: tuple[Any, ...], result: Any) -> int:
    owner = getattr(function, "__self__", None)
    if name == "pop" and not arguments:
        return 0
    if isinstance(owner, re.Pattern) or name in ("raw_decode", "find", "index"):
        return _searched(owner, arguments, result)
    grows = name == "extend"
    own = len(owner) if isinstance(owner, str | bytes | list) and not grows else 0
    cost = own + _size(result)
    for argument in arguments:
        cost += _size(argument)
    return cost


def _searched(owner: Any, arguments: tuple[Any, ...], result: Any) -> int:
    """Return how far a search went: to what it found, or to the end."""
    is_text = isinstance(owner, str | bytes)
    given = [a for a in arguments if isinstance(a, str | bytes)]
    text = owner if is_text else max(given, key=len, default="")  # the other one is a replacement
    start = next((a for a in arguments if isinstance(a, int)), 0)
    if isinstance(result, re.Match):
        return result.end() - start
    if isinstance(result, tuple):
        return int(result[1]) - start
    found = isinstance(result, int) and result >= 0
    return int(result) - start if found else len(text) - start


def _size(value: object) -> int:
    # `isinstance` would ask a lazy response for its class, which is a call that is counted.
    return len(value) if issubclass(type(value), _SIZED) else 0  # type: ignore[arg-type]


def _made(value: Any) -> Any:
    """Count a value that was put together."""
    global _done
    _done += 1 + _size(value)
    return value


def _added(target: Any, value: Any) -> Any:
    """Count a value that is added to what an attribute or an item holds: lists and bytearrays grow in place."""
    global _done
    _done += 1 + _size(value) + (0 if isinstance(target, list | bytearray) else _size(target))
    return value


def _contains(item: object, container: Any) -> bool:
    global _done
    _done += 1 if isinstance(container, dict) else 1 + _size(container)
    return item in container


def _turns(items: Iterable[Any]) -> Iterator[Any]:
    global _done
    for item in items:
        _done += 1
        yield item


_HOOKS: dict[str, Callable[..., Any]] = {
    "__counted_call__": _call,
    "__counted_made__": _made,
    "__counted_added__": _added,
    "__counted_contains__": _contains,
    "__counted_turns__": _turns,
}


def _hook(name: str, *arguments: ast.expr, at: ast.AST) -> ast.Call:
    call = ast.Call(ast.Name(f"__counted_{name}__", ast.Load()), list(arguments), [])
    return ast.copy_location(call, at)


class _Counted(ast.NodeTransformer):
    """Put hooks into the bodies of functions; what runs once, at import, stays as it is."""

    def __init__(self) -> None:
        self._inside = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._visit_function(node)

    def _visit_function(self, node: Any) -> ast.AST:
        before, self._inside = self._inside, True
        body = ast.Module(node.body, [])
        node.body = self.generic_visit(body).body  # type: ignore[attr-defined]
        self._inside = before
        return node

    def visit(self, node: ast.AST) -> Any:
        functions = ast.FunctionDef | ast.AsyncFunctionDef
        if self._inside or isinstance(node, ast.Module | ast.ClassDef | functions):
            return super().visit(node)
        return self.generic_visit(node) if isinstance(node, ast.stmt) else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            return node  # which looks at the frame that calls it
        call = _hook("call", node.func, *node.args, at=node)
        call.keywords = node.keywords
        return call

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return _hook("made", node, at=node) if isinstance(node.op, ast.Add) else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        copies = isinstance(node.slice, ast.Slice) and isinstance(node.ctx, ast.Load)
        return _hook("made", node, at=node) if copies else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                part.value = self.visit(part.value)
        return _hook("made", node, at=node)

    def visit_List(self, node: ast.List) -> ast.AST:
        return self._visit_display(node)

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        return self._visit_display(node)

    def _visit_display(self, node: Any) -> ast.AST:
        self.generic_visit(node)
        copies = any(isinstance(item, ast.Starred) for item in node.elts)
        return _hook("made", node, at=node) if copies and isinstance(node.ctx, ast.Load) else node

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        self.generic_visit(node)
        return _hook("made", node, at=node) if None in node.keys else node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if len(node.ops) > 1 or not isinstance(node.ops[0], ast.In | ast.NotIn):
            return node
        contains = _hook("contains", node.left, node.comparators[0], at=node)
        if isinstance(node.ops[0], ast.In):
            return contains
        return ast.copy_location(ast.UnaryOp(ast.Not(), contains), node)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Add):
            return node
        if isinstance(node.target, ast.Name):
            # Python adds to a text that nobody else holds without copying it.
            node.value = _hook("made", node.value, at=node)
            return node
        target = ast.parse(ast.unparse(node.target), mode="eval").body
        node.value = _hook("added", target, node.value, at=node)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        self.generic_visit(node)
        node.iter = _hook("turns", node.iter, at=node)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        if not node.is_async:
            node.iter = _hook("turns", node.iter, at=node.iter)
        return node

    def visit_While(self, node: ast.While) -> ast.AST:
        self.generic_visit(node)
        node.body.insert(0, ast.Expr(_hook("made", ast.Constant(None), at=node)))
        return node

"""What is counted as work."""

import ast
from collections.abc import Callable
from typing import Any

import pytest

from . import counting

LINEAR = {
    "a list that grows": "def f(n):\n  kept = []\n  for i in range(n): kept.append(i)",
    "a list that grows by lists": "def f(n):\n  kept = []\n  for i in range(n): kept.extend([i])",
    "bytes that grow in an attribute": (
        "class C: data = bytearray()\ndef f(n):\n  c = C()\n  for i in range(n): c.data += b'a'"
    ),
    "a text put together once": "def f(n):\n  return ''.join(['a' for i in range(n)])",
    "a text that nobody else holds": "def f(n):\n  text = ''\n  for i in range(n): text += 'a'",
    "a lookup": "def f(n):\n  kept = {}\n  for i in range(n): kept[i] = i in kept",
    "a search that goes on": (
        "def f(n):\n  text, at = 'a' * n, 0\n  while (at := text.find('a', at) + 1): pass"
    ),
}
QUADRATIC = {
    "a text put together anew": "def f(n):\n  text = ''\n  for i in range(n): text = text + 'a'",
    "a list that is copied": "def f(n):\n  kept = []\n  for i in range(n): kept = [*kept, i]",
    "a list that is looked through": (
        "def f(n):\n  kept = []\n  for i in range(n): kept.append(i in kept)"
    ),
    "a rest that is cut off": "def f(n):\n  text = 'a' * n\n  while text: text = text[1:]",
    "an attribute": (
        "class C: text = ''\ndef f(n):\n  c = C()\n  for i in range(n): c.text += 'a'"
    ),
    "a search from the beginning": (
        "import re\nP = re.compile('b')\ndef f(n):\n  text = 'a' * n\n  for i in range(n): P.search(text)"
    ),
    "a text that is changed again": (
        "import re\nP = re.compile('b')\ndef f(n):\n  text = 'a' * n\n  for i in range(n): P.sub('', text)"
    ),
    "a loop over all": (
        "def f(n):\n  kept = []\n  for i in range(n): kept.append(next((k for k in kept if k < 0), i))"
    ),
    "JSON that is read again": (
        "import json\ndef f(n):\n  for i in range(n): json.loads('[' + ' ' * i + ']')"
    ),
    "JSON that is none": (
        "import json, contextlib\ndef f(n):\n  for i in range(n):\n"
        "    with contextlib.suppress(ValueError): json.loads(' ' * i)"
    ),
}


def compiled(source: str) -> Callable[[int], Any]:
    tree = ast.fix_missing_locations(counting._Counted().visit(ast.parse(source)))
    names: dict[str, Any] = {**counting._HOOKS}
    exec(compile(tree, "counted", "exec"), names)
    function: Callable[[int], Any] = names["f"]
    return function


def growth(source: str) -> float:
    function = compiled(source)
    counts = []
    for size in (400, 1600):
        before = counting.work()
        function(size)
        counts.append(counting.work() - before)
    return counts[1] / counts[0]


@pytest.mark.parametrize("source", LINEAR.values(), ids=LINEAR)
def test_linear_work_grows_with_the_size(source: str) -> None:
    assert growth(source) < 4.5


@pytest.mark.parametrize("source", QUADRATIC.values(), ids=QUADRATIC)
def test_quadratic_work_is_seen(source: str) -> None:
    assert growth(source) > 10


def test_a_function_that_counts_still_does_what_it_did() -> None:
    function = compiled(
        "def f(n):\n"
        "  kept = {'a': [i + 1 for i in range(n) if i not in (2,)]}\n"
        "  return f'{n:>4}{kept!r}', [*kept['a'][1:]], {**kept, 'b': n}"
    )
    assert function(4) == ("   4{'a': [1, 2, 4]}", [2, 4], {"a": [1, 2, 4], "b": 4})

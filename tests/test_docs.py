"""Every Python block of the README and of docs/ runs.

The blocks of one page run in order, in one namespace, from the root of the repository, with the
environment set to an offline OpenRouter. Functions named `test_*` are run as tests, with the
fixtures that their arguments name.
"""

import inspect
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from llama_index.core import Settings

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


def relative(page):
    return str(page.relative_to(ROOT))


# LlamaIndex looks at every attribute of an agent, at deprecated ones of pydantic, too.
@pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecationWarning")
@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_the_code_on_the_page_runs(page, offline_openrouter, monkeypatch, request):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-docs")
    monkeypatch.setenv("OPENROUTER_API_BASE", offline_openrouter.base_url)
    monkeypatch.setattr(Settings, "_llm", None)  # a page sets it, which would keep that model alive
    # In the main thread LlamaIndex would make an event loop that nobody closes.
    with ThreadPoolExecutor(max_workers=1) as thread:
        namespace = thread.submit(run_blocks, page).result()
    for name, value in list(namespace.items()):
        if name.startswith("test_"):
            offline_openrouter.clear()
            value(*map(request.getfixturevalue, inspect.signature(value).parameters))


def run_blocks(page):
    text = page.read_text()
    namespace = {"__name__": page.stem}
    for match in BLOCK.finditer(text):
        # Empty lines before the code give errors the line numbers of the page.
        code = "\n" * text.count("\n", 0, match.start(1)) + match[1]
        exec(compile(code, str(page), "exec"), namespace)
    return namespace


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_the_links_on_the_page_lead_somewhere(page):
    links = LINK.findall(page.read_text())
    broken = [
        (target, anchor)
        for target, anchor in links
        if not has_anchor(page.parent / target if target else page, anchor)
    ]
    assert broken == []


def has_anchor(path, anchor):
    if not anchor:
        return path.exists()
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return anchor in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_the_tests_that_the_page_names_exist(page):
    named = set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page.read_text()))
    assert {each for each in named if not has_test(*each)} == set()


def has_test(path, name):
    return (ROOT / path).exists() and (not name or f"def {name}(" in (ROOT / path).read_text())


def test_the_pages_hold_code():
    with_code = {page.stem for page in PAGES if BLOCK.search(page.read_text())}
    assert with_code >= {"README", "quickstart", "testing", "langchain", "llamaindex"}

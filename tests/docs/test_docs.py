"""Every Python block of the README and of docs/ runs.

The blocks of one page run in order, in one namespace, in a folder that has nothing but `docs`, with
the environment set to an offline OpenRouter. Functions named `test_*` are run as tests, with the
fixtures that their arguments name. Recipes stand alone: test_recipes.py.
"""

import functools
import inspect
import io
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout

import pytest
from llama_index.core import Settings

from glm_openrouter import find_model
from glm_openrouter.testing import OfflineServer
from support.pages import PAGES, RECIPES, ROOT, blocks_of, check_outputs

LANGCHAIN = re.compile(r"langchain|ChatGLM")
LLAMAINDEX = re.compile(r"llama_index|llamaindex|\bGLM\(")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


def relative(page):
    return str(page.relative_to(ROOT))


# LlamaIndex looks at every attribute of an agent, at deprecated ones of pydantic, too.
@pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecationWarning")
@pytest.mark.parametrize("page", [page for page in PAGES if page != RECIPES], ids=relative)
@pytest.mark.usefixtures(
    "separate_reads"
)  # so that a stream comes in the same increments each time
def test_the_code_on_the_page_runs(page, offline_openrouter, monkeypatch, request, tmp_path):
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-docs")
    monkeypatch.setenv("OPENROUTER_MANAGEMENT_KEY", "sk-or-management-docs")
    monkeypatch.setattr(Settings, "_llm", None)  # a page sets it, which would keep that model alive
    # In the main thread LlamaIndex would make an event loop that nobody closes. The server is a new one, since what
    # was asked before makes its caches warm.
    with OfflineServer() as server, ThreadPoolExecutor(max_workers=1) as thread:
        monkeypatch.setenv("OPENROUTER_API_BASE", server.base_url)
        namespace, printed = thread.submit(run_blocks, page).result()
    check_outputs(page, printed)
    for name, value in list(namespace.items()):
        if name.startswith("test_"):
            monkeypatch.setenv("OPENROUTER_API_BASE", offline_openrouter.base_url)
            offline_openrouter.clear()
            offline_openrouter.answer = None
            value(*map(request.getfixturevalue, inspect.signature(value).parameters))


def run_blocks(page):
    """Run the blocks of a page, and return their names and what each printed."""
    namespace = {"__name__": page.stem}
    printed = []
    for block in blocks_of(page):
        with redirect_stdout(io.StringIO()) as output:
            exec(compile(block, str(page), "exec"), namespace)
        printed.append(output.getvalue())
    return namespace, printed


@pytest.mark.parametrize(
    ("own", "other"),
    [(LANGCHAIN, LLAMAINDEX), (LLAMAINDEX, LANGCHAIN)],
    ids=["LangChain", "LlamaIndex"],
)
@pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecationWarning")
def test_the_quickstart_runs_with_one_framework(
    own, other, offline_openrouter, monkeypatch, tmp_path
):
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-docs")
    monkeypatch.setenv("OPENROUTER_API_BASE", offline_openrouter.base_url)
    blocks = [block for block in blocks_of(ROOT / "docs/quickstart.md") if not other.search(block)]
    with ThreadPoolExecutor(max_workers=1) as thread:
        assert thread.submit(run_blocks_of, own, blocks).result() >= 3


def run_blocks_of(framework, blocks):
    """Run blocks, of which those that name the framework must succeed, and return how many these are."""
    namespace = {}
    for block in blocks:
        try:
            exec(compile(block, "quickstart.md", "exec"), namespace)
        except NameError:  # it goes on with what a block of the other framework began
            if framework.search(block):
                raise
    return sum(bool(framework.search(block)) for block in blocks)


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
    assert named_tests(without_code(page.read_text())) - all_tests() == set()


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_the_files_that_the_page_names_exist(page):
    folders = "glm_openrouter|langchain_glm|llamaindex_glm|tests|benchmarks|docs|examples"
    named = re.findall(rf"`((?:{folders})/[\w/.-]+)`", page.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", ["protocol.md", "security.md"])
def test_every_row_of_the_page_names_the_test_that_holds_it(name):
    rows = table_rows((ROOT / "docs" / name).read_text())
    assert len(rows) > 20
    assert [row for row in rows if not named_tests(row)] == []


def test_every_fact_of_the_protocol_has_a_source():
    text = (ROOT / "docs" / "protocol.md").read_text()
    sources = set(re.findall(r"^\[(.+?)\]: https://", text, re.MULTILINE))
    named = [re.findall(r"\[([^\]]+)\]", row.split("|")[2]) for row in table_rows(text)]
    assert [names for names in named if not names] == []
    assert {name for names in named for name in names} == sources


def table_rows(text):
    """Return the rows of the tables whose last column is `test`."""
    tables = re.findall(r"^\|.*\| test \|\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [row for table in tables for row in table.splitlines()]


def named_tests(text):
    without_links = re.sub(r"https?://\S+", "", text)
    return set(re.findall(r"\btest_\w+\b(?!\.py)", without_links))


@functools.cache
def all_tests():
    files = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    return {name for text in files for name in re.findall(r"\bdef (test_\w+)\(", text)}


def without_code(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def test_every_page_is_in_the_navigation_of_the_site():
    listed = re.findall(
        r"^ +- (?:.*: )?(\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE
    )
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert pages - {*listed} == set()


def test_every_decision_is_in_the_index():
    folder = ROOT / "docs" / "decisions"
    links = re.findall(r"\]\((\d{3}-.+?)\)", (folder / "README.md").read_text())
    assert links == sorted(page.name for page in folder.glob("[0-9]*.md"))


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_the_models_that_the_page_names_are_live(page):
    code = "".join(blocks_of(page))
    for model in set(re.findall(r"~?z-ai/glm-[\w.-]+", code)):
        facts = find_model(model)
        assert facts is not None, model
        assert facts.expiration_date is None, f"{model} retires."


def test_the_pages_hold_code():
    with_code = {page.stem for page in PAGES if blocks_of(page)}
    assert with_code >= {"README", "quickstart", "testing", "langchain", "llamaindex"}

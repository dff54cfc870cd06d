"""docs/errors.md has a section for each error, and what it says of the tree is what the code says."""

import inspect
import re

import pytest

import langchain_glm
from glm_openrouter import GLMError, InvalidRequestError, errors
from glm_openrouter._website import ADDRESS
from support.pages import ROOT

PAGE = (ROOT / "docs" / "errors.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+)\n\n((?:(?!^## ).*\n)*)", PAGE, re.MULTILINE))
ALL = {name: getattr(errors, name) for name in errors.__all__}
ERRORS = {name: kind for name, kind in ALL.items() if issubclass(kind, GLMError)}


def test_there_is_a_section_for_each_error_and_each_warning():
    assert SECTIONS.keys() - ALL.keys() == {"Catching them", "Warnings"}
    assert ALL.keys() - SECTIONS.keys() == set()


def test_the_errors_come_in_the_order_of_the_code():
    sections = [name for name in SECTIONS if name in ALL]
    lines = {name: inspect.getsourcelines(kind)[1] for name, kind in ALL.items()}

    def order(name):  # the page follows the tree, in which the errors without a response come first
        return issubclass(ALL[name], Warning), issubclass(ALL[name], errors.APIError)

    assert sections == sorted(sections, key=order)
    api_errors = [name for name in sections if issubclass(ALL[name], errors.APIError)]
    assert api_errors == sorted(api_errors, key=lines.__getitem__)


def test_the_tree_is_that_of_the_code():
    drawn = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)
    written = inspect.cleandoc(errors.__doc__).partition("::\n\n")[2].partition("\n\n")[0]
    assert drawn[1] == f"{inspect.cleandoc(written)}\n"


def test_each_error_stands_in_the_tree_below_its_base():
    above = []
    for line in re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)[1].splitlines():
        name = re.search(r"\w+", line)
        above[name.start() // 4 :] = [name[0]]
        bases = above[:-1]
        assert not bases or issubclass(ALL[name[0]], ALL[bases[-1]])
    assert set(re.findall(r"\w+Error", PAGE.partition("## Catching")[0])) >= ERRORS.keys()


@pytest.mark.parametrize("name", ALL)
def test_the_section_says_what_it_is_its_cause_and_a_remedy(name):
    what, cause, remedy = re.fullmatch(
        r"(.+?)\n\n\*\*Cause\.\*\* (.+?)\n\n\*\*Remedy\.\*\* (.+?)\n*(?:## .*)?",
        SECTIONS[name],
        re.DOTALL,
    ).groups()
    docstring = inspect.getdoc(ALL[name]).partition("\n")[0]
    assert docstring.startswith(what.rstrip("."))
    assert cause
    assert remedy


@pytest.mark.parametrize("name", ERRORS)
def test_the_text_of_an_error_ends_with_the_address_of_its_section(name):
    kind = ERRORS[name]
    error = kind.__new__(kind)
    error.args = ("What happened.",)
    assert error.message == "What happened."
    assert str(error) == f"What happened. See {ADDRESS}/errors/#{name.lower()}"


@pytest.mark.parametrize("name", langchain_glm._errors.__all__)
def test_an_error_of_langchain_leads_to_the_same_section(name):
    kind = getattr(langchain_glm, name)
    error = kind.__new__(kind)
    error.args = ("What happened.",)
    assert str(error).endswith(f"/errors/#{name.lower()}")


def test_an_error_of_a_program_leads_to_the_section_of_its_base():
    class HarbourError(InvalidRequestError):
        pass

    assert str(HarbourError("Closed.")).endswith("/errors/#invalidrequesterror")


def test_an_error_without_a_text_has_an_address():
    assert str(GLMError()) == f"See {ADDRESS}/errors/#glmerror"

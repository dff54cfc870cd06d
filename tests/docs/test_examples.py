"""The examples do what they promise, each by itself and all in the demonstration.

They run as scripts. A process of its own, which imports its framework anew, has one of them, and the demonstration.
"""

import io
import os
import re
import runpy
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType

import pytest

from examples import demo

# LlamaIndex looks at every attribute of an agent, at deprecated ones of pydantic, too.
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecationWarning")

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("l*.py"))


def run_in_process(*words, **variables):
    kept = {name: value for name, value in os.environ.items() if "OPENROUTER" not in name}
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**kept, "COLUMNS": "100", **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )


def environment(server):
    return {"OPENROUTER_API_KEY": "sk-or-examples", "OPENROUTER_API_BASE": server.base_url}


@pytest.fixture(scope="module")
def output(_offline_openrouter_server):
    """Run an example by its path, once for all tests, and return what it prints."""
    printed = {}

    def run_once(name):
        if name not in printed:
            printed[name] = run_here(name, environment(_offline_openrouter_server))
        return printed[name]

    return run_once


def run_here(name, variables):
    """Run a script in this process, which has imported the frameworks already."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for variable, value in variables.items():
            patch.setenv(variable, value)
        runpy.run_path(str(ROOT / "examples" / f"{name}.py"), run_name="__main__")
    assert err.getvalue() == ""
    return out.getvalue()


@pytest.fixture(scope="module")
def demonstration():
    return run_in_process("-m", "examples.demo")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_short(name):
    lines = (ROOT / "examples" / f"{name}.py").read_text().splitlines()
    assert len(lines) <= 50


def test_an_example_is_a_script_of_its_own(offline_openrouter, output):
    name = "langchain_chain"
    done = run_in_process(f"examples/{name}.py", **environment(offline_openrouter))
    assert (done.returncode, done.stderr, done.stdout) == (0, "", output(name))


def test_the_chain_shows_the_reasoning_before_the_answer(output):
    thinking, _, answer = output("langchain_chain").partition("\n[answer] ")
    assert thinking.startswith("[thinking] ")
    assert len(thinking) > len("[thinking] ")
    assert "sky" in answer


def test_the_langchain_agent_calls_both_tools(output):
    text = output("langchain_agent")
    assert "Paris: 21 degrees Celsius, light clouds." in text
    assert "\n391\n" in text


def test_the_langchain_agent_answers_from_both_results(output):
    answer = output("langchain_agent").rpartition("Ai Message")[2]
    assert "21 degrees" in answer
    assert "391" in answer


def test_the_approved_call_runs_after_the_question(output):
    question, answer = output("langchain_approval").splitlines()
    assert "send_mail with {'to': 'ada@example.com', 'subject': 'Lunch'}" in question
    assert "The mail 'Lunch' to ada@example.com is on its way." in answer


def test_the_graph_remembers_both_turns(output):
    assert output("langchain_graph").endswith("4 messages are remembered.\n")


def test_the_events_show_thoughts_words_calls_and_cost(output):
    lines = [line.partition("]")[0] for line in output("langchain_events").splitlines() if line]
    assert lines == ["[thinking", "[answer", "[call", "[cost", "[thinking", "[answer", "[cost"]


def test_the_structured_answer_is_an_object(output):
    expected = "Person(name='Ada Lovelace', age=36, city='London')\n"
    assert output("langchain_structured") == expected


@pytest.mark.parametrize("name", ["langchain_rag", "llamaindex_rag"])
def test_an_answer_from_documents_cites_them_by_number(output, name):
    answer, _, listed = output(name).partition("\n\nSources:\n")
    assert "cut off" in answer
    numbers = re.findall(r"^\[(\d)\] (\S+) \(0\.\d\d\)$", listed, re.MULTILINE)
    assert len(numbers) == len(listed.splitlines()) >= 3
    assert {page for _, page in numbers} <= {page.name for page in (ROOT / "docs").glob("*.md")}
    assert set(re.findall(r"\[(\d+)\]", answer)) & {number for number, _ in numbers}


def test_the_llamaindex_agent_shows_the_calls_of_both_tools(output):
    text = output("llamaindex_agent")
    assert "get_weather is called with {'city': 'Paris'}" in text
    assert "multiply is called with {'a': 17, 'b': 23}" in text


def test_the_llamaindex_agent_answers_from_both_results(output):
    answer = output("llamaindex_agent").rpartition(" returned ")[2].partition("\n")[2]
    assert "21 degrees" in answer
    assert "391" in answer


def test_the_search_agent_thinks_searches_and_answers_from_the_documents(output):
    parts = output("llamaindex_search_agent").split("\n[")
    kinds = [part.partition("]")[0] for part in parts if part.strip()]
    assert kinds == ["thinking", "answer", "search", "thinking", "answer"]
    assert "cut off" in parts[-1]


def test_the_chat_engine_understands_a_follow_up(output):
    answer = output("llamaindex_chat").partition("> And who sold it there?\n")[2]
    assert answer.startswith("It was sold there by apothecaries.\n")


def test_a_question_is_split_and_the_answers_are_joined(output):
    answer = output("llamaindex_subquestions").splitlines()[-1]
    assert answer == "Tea came to Lisbon in 1610. Coffee houses opened in Vienna in 1685."


def test_the_agents_hand_over_to_and_fro(output):
    lines = [line.partition(": ") for line in output("llamaindex_handoff").splitlines()]
    assert [name for name, _, _ in lines] == [
        "Forecaster",
        "Calculator",
        "Calculator",
        "Forecaster",
        "Forecaster",
    ]
    assert "391" in lines[-1][2]
    assert "21 degrees Celsius in Oslo" in lines[-1][2]


def test_the_demonstration_succeeds(demonstration):
    assert demonstration.returncode == 0


def test_the_demonstration_gives_no_warnings(demonstration):
    assert demonstration.stderr == ""


def test_the_demonstration_says_in_its_first_line_that_it_is_offline(demonstration):
    first, second = demonstration.stdout.splitlines()[:2]
    assert "OPENROUTER_API_KEY is not set: an offline server answers" in first
    assert second == ""


def test_the_demonstration_shows_every_example_under_its_heading(demonstration):
    lines = demonstration.stdout.splitlines()
    headings = [
        line for line in lines if line.startswith(("LangChain: ", "LangGraph: ", "LlamaIndex: "))
    ]
    assert len(headings) == len(EXAMPLES)


def test_the_demonstration_ends_with_what_each_example_took(demonstration):
    rows = table_of(demonstration.stdout)
    assert set(rows) == {*EXAMPLES, "total"}
    for calls, prompt, completion, reasoning, dollars, _ in rows.values():
        assert calls >= 1
        assert prompt > 0
        assert completion > reasoning > 0
        assert dollars > 0


def test_the_total_of_the_demonstration_is_the_sum_of_the_parts(demonstration):
    rows = table_of(demonstration.stdout)
    total = rows.pop("total")
    sums = [sum(column) for column in zip(*rows.values(), strict=True)]
    assert total[:4] == sums[:4]
    assert total[4] == pytest.approx(sums[4], abs=1e-5)


def table_of(text):
    """Return the rows of the table at the end: name -> numbers."""
    words = [line.split() for line in text.splitlines()]
    return {
        name: [float(number.replace(",", "")) for number in numbers]
        for name, *numbers in filter(None, words)
        if name in {*EXAMPLES, "total"} and len(numbers) == 6
    }


@pytest.fixture
def one_part_fails(monkeypatch):
    """A demonstration of two parts, of which the first fails; the list tells what has run."""

    def fail():
        raise ValueError("no luck")

    done = []
    parts = {"first": fail, "second": lambda: done.append("second")}
    monkeypatch.setattr(demo, "LAST", "second")

    def load(name):
        part = ModuleType(name, f"The {name} part.")
        part.main = parts[name.removeprefix("examples.")]
        return part

    monkeypatch.setattr(demo, "PARTS", tuple(parts))
    monkeypatch.setattr(demo, "import_module", load)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-unused")
    return done


def test_a_part_that_fails_makes_the_demonstration_fail(one_part_fails):
    assert demo.main() == 1


def test_a_part_that_fails_says_why(one_part_fails, capsys):
    demo.main()
    assert "ValueError: no luck" in capsys.readouterr().out


def test_a_part_that_fails_does_not_stop_the_others(one_part_fails):
    demo.main()
    assert one_part_fails == ["second", "second"]


def test_with_a_key_the_demonstration_starts_no_server(one_part_fails, capsys):
    demo.main()
    assert "offline" not in capsys.readouterr().out


def test_the_demonstration_ends_with_a_job_that_is_killed_and_goes_on(demonstration):
    killed, done, counted = demonstration.stdout.splitlines()[-3:]
    assert re.match(r"Killed with \d+ of 40 rows", killed)
    assert done.startswith("40 of 40 rows are done.")
    assert counted.startswith("40 lines of 40 rows")

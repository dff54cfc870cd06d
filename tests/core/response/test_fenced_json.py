"""JSON that was asked for, and came in a fence."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_openrouter import REPAIRS, ChatRequest, Delta
from glm_openrouter._response.repairs import Repairs
from glm_openrouter.testing import json_reply, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from support.wire import chunk, response_body

VALUE = '{"code": "```js\\nx```", "n": [1, 2]}'
JSON_OBJECT: dict[str, Any] = {"type": "json_object"}

FENCED = {
    "fence": f"```json\n{VALUE}\n```",
    "fence without a language": f"```\n{VALUE}\n```\n",
    "fence in one line": f"```json {VALUE}```",
    "after newlines": f"\n\n```JSON\n{VALUE}\n\n```",
    "not closed": f"```json\n{VALUE}",
    "box": f"<|begin_of_box|>{VALUE}<|end_of_box|>",
}
PLAIN = [
    VALUE,
    "[1, 2]",
    "``",
    "```python\nprint()\n```",
    "`x` is it",
    "<b>",
    "Hello\n```json\n{}\n```",
    " \n",
    "```json",
]


def repair(text: str, *cuts: int, wants_json: bool = True) -> tuple[str, str]:
    """Return what a text in pieces becomes: text and reasoning."""
    repairs = Repairs(tuple(set(REPAIRS) - {"leading_newlines"}), {}, wants_json=wants_json)
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(edges)]
    deltas = [*(repairs.feed(Delta(piece)) for piece in pieces), repairs.flush()]
    return "".join(d.text for d in deltas), "".join(d.reasoning for d in deltas)


places = st.lists(st.integers(0, 200), max_size=8)


@pytest.mark.parametrize("form", FENCED)
@given(cuts=places)
def test_the_fence_is_taken_off_wherever_the_stream_is_cut(form: str, cuts: list[int]) -> None:
    text, reasoning = repair(FENCED[form], *cuts)
    assert (text, reasoning) == (VALUE, "")


@pytest.mark.parametrize("plain", PLAIN)
@given(cuts=places)
def test_an_answer_without_a_fence_around_it_stays(plain: str, cuts: list[int]) -> None:
    assert repair(plain, *cuts) == (plain, "")


@given(text=st.text(alphabet='`{}[]json<|_of>"\n x1', max_size=40), cuts=places)
def test_nothing_is_lost_or_depends_on_the_cuts(text: str, cuts: list[int]) -> None:
    assert repair(text, *cuts) == repair(text)
    assert repair(text, *cuts, wants_json=False) == (text, "")


@pytest.mark.parametrize("form", FENCED)
@given(cuts=places)
def test_what_follows_the_fence_is_reasoning(form: str, cuts: list[int]) -> None:
    if form in ("fence", "box"):
        assert repair(f"{FENCED[form]}\nMore?", *cuts) == (VALUE, "\nMore?")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"response_format": JSON_OBJECT}, VALUE),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, VALUE),
        ({"response_format": {"type": "text"}}, FENCED["fence"]),
        ({}, FENCED["fence"]),
    ],
    ids=["json_object", "json_schema", "text", "none"],
)
def test_only_json_that_was_asked_for_is_changed(
    run: Any, scripted_openrouter: StartScript, options: dict[str, Any], expected: str
) -> None:
    request = ChatRequest(messages=[{"role": "user", "content": "Go."}], **options)
    body = response_body({"content": FENCED["fence"]})
    whole = run.complete(scripted_openrouter(json_reply(body)).base_url, request)
    events = [*(chunk({"content": letter}) for letter in FENCED["fence"]), chunk({}, "stop")]
    deltas, streamed = run.stream(scripted_openrouter(stream_reply(events)).base_url, request)
    assert whole.text == streamed.text == "".join(delta.text for delta in deltas) == expected


def test_the_repair_can_be_switched_off(run: Any, scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(json_reply(response_body({"content": FENCED["fence"]})))
    request = ChatRequest(
        messages=[{"role": "user", "content": "Go."}], response_format=JSON_OBJECT
    )
    others = tuple(set(REPAIRS) - {"fenced_json"})
    assert run.complete(server.base_url, request, repairs=others).text == FENCED["fence"]


def test_json_comes_as_soon_as_it_is_there() -> None:
    repairs = Repairs(("fenced_json",), {}, wants_json=True)
    pieces = ["```json\n", '{"a"', ": 1}", "\n", "```"]
    assert [repairs.feed(Delta(piece)).text for piece in pieces] == ["", '{"a"', ": 1}", "", ""]
    assert json.loads('{"a": 1}' + repairs.flush().text) == {"a": 1}

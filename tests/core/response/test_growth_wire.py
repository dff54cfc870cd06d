"""The work that a response costs grows no faster than its length, in whichever shape it comes.

Work is counted, not timed: the lines that the package executes, plus the characters that are put together or parsed by
the two calls in C that could be given everything again and again. Where a copy in C is what could grow, the values that
are sent count how often they are copied, or a process of its own has to end at all.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import glm_openrouter
from glm_openrouter import REPAIRS, Delta, ToolCallDelta
from glm_openrouter._json.outline import cut_mark
from glm_openrouter._json.strict import json_decoder
from glm_openrouter._response.accumulator import ChatAccumulator
from glm_openrouter._response.chunks import WireMessage
from glm_openrouter._response.parser import ResponseParser
from glm_openrouter._response.repairs import Repairs
from glm_openrouter._response.sse import ResponseDecoder
from glm_openrouter._response.tool_calls import _Call, merge_by_index
from support.samples import REQUEST, SCHEMAS
from support.wire import call, calls, chunk, event_stream, finishes, response_body, says, uses

PACKAGE = str(Path(glm_openrouter.__file__).parent)
OSLO = '{"harbour": "Oslo"}'


def begun(arguments, *fragments):
    """A call that begins with `arguments`, and its fragments, each in a chunk of its own."""
    return [calls(call("tide", arguments, 0, "a")), *(calls(fragment) for fragment in fragments)]


def streamed(*payloads):
    return [event_stream(*payloads, finishes("tool_calls"))]


def logprobs(token):
    made = says(token)
    made["choices"][0]["logprobs"] = {"content": [{"token": token, "logprob": -0.5}]}
    return made


def detail(**more):
    return {"type": "reasoning.text", "text": "Hm. ", **more}


def thinks_in(*details):
    return chunk({"reasoning_details": list(details)})


def many_choices(n):
    sent = says("a")
    sent["choices"] = [{"index": at, "delta": {"content": "a"}} for at in range(n, -1, -1)]
    return sent


SHAPES = {
    "calls in one body": lambda n: [
        json.dumps(
            response_body({"tool_calls": [call("tide", "{}", at, f"c{at}") for at in range(n)]})
        )
    ],
    "calls in one body, without ids": lambda n: [
        json.dumps(response_body({"tool_calls": [call("tide", "{}") for _ in range(n)]}))
    ],
    "calls in one body, of one id": lambda n: [
        json.dumps(response_body({"tool_calls": [call("tide", "{}", at, "a") for at in range(n)]}))
    ],
    "calls in one chunk": lambda n: streamed(
        calls(*(call("tide", "{}", at, f"c{at}") for at in range(n)))
    ),
    "calls one after the other": lambda n: streamed(
        *(calls(call("tide", OSLO, at, f"c{at}")) for at in range(n))
    ),
    "calls without index": lambda n: streamed(
        *(calls(call("tide", OSLO, id=f"c{at}")) for at in range(n))
    ),
    "calls without index and id": lambda n: streamed(*[calls(call("tide", OSLO))] * n),
    "calls on one index": lambda n: streamed(
        *(calls(call("tide", OSLO, 0, f"c{at}")) for at in range(n))
    ),
    "calls of one id": lambda n: streamed(*(calls(call("tide", OSLO, at, "a")) for at in range(n))),
    "names that take turns on one index": lambda n: streamed(
        *(calls(call(("tide", "find_berth")[at % 2], OSLO[:-1], 0)) for at in range(n))
    ),
    "fragments of calls that take turns": lambda n: streamed(
        calls(*(call("tide", '{"a": "', at, f"c{at}") for at in range(n))),
        *(calls(call(None, "a", at)) for at in range(n)),
        *(calls(call(None, '"}', None, f"c{at}")) for at in range(n)),
    ),
    "fragments in one chunk": lambda n: streamed(
        calls(call("tide", '{"a": "', 0, "a"), *[call(None, "a", 0)] * n, call(None, '"}', 0))
    ),
    "fragments with the name in each": lambda n: streamed(
        *begun('{"a": "', *[call("tide", "a", 0)] * n)
    ),
    "fragments with the name and another id in each": lambda n: streamed(
        *begun('{"a": "', *(call("tide", "}", 0, f"c{at}") for at in range(n)))
    ),
    "fragments of blanks": lambda n: streamed(*begun("", *[call(None, " ", 0)] * n)),
    "fragments of blanks after the end": lambda n: streamed(
        *begun(OSLO, *[call(None, " ", 0), call("tide", OSLO, 0)] * n)
    ),
    "fragments of a text that is encoded twice": lambda n: streamed(
        *begun('"', *[call(None, "a", 0)] * n)
    ),
    "braces in a string": lambda n: streamed(*begun('{"a": "', *[call(None, "{}", 0)] * n)),
    "braces after the end": lambda n: streamed(*begun(OSLO, *[call(None, '{"a": 1}', 0)] * n)),
    "braces where none can be": lambda n: streamed(
        *begun('{"a": "' + "a" * n + '"', *[call(None, "{}", 0)] * n)
    ),
    "braces after blanks": lambda n: streamed(
        *begun('{"a":' + " " * n, *[call(None, '{"a":', 0), call(None, " ", 0)] * n)
    ),
    "objects of a list": lambda n: streamed(
        *begun('{"a": [', *[call(None, OSLO, 0), call(None, ", ", 0)] * n)
    ),
    "backslashes in a string": lambda n: streamed(*begun('{"a": "', *[call("tide", "\\", 0)] * n)),
    "a long call sent again": lambda n: streamed(
        *begun('{"a": "' + "a" * n + '"}', *[call("tide", "{}", 0), call(None, "{}", 0)] * n)
    ),
    "log probabilities": lambda n: streamed(*[logprobs("a")] * n),
    "annotations": lambda n: streamed(*[chunk({"annotations": [{"type": "file"}]})] * n),
    "refusals": lambda n: streamed(*[chunk({"refusal": "No. "})] * n),
    "details of one index": lambda n: streamed(*[thinks_in(detail(index=0))] * n),
    "details of many indexes": lambda n: streamed(
        *(thinks_in(detail(index=at)) for at in range(n)),
        *(thinks_in(detail(index=at)) for at in range(n)),
    ),
    "details without index": lambda n: streamed(*[thinks_in(detail())] * n),
    "details in one chunk": lambda n: streamed(thinks_in(*(detail(index=at) for at in range(n)))),
    "choices": lambda n: streamed(many_choices(n)),
    "keys": lambda n: streamed(says("a", **{f"key{at}": 1 for at in range(n)})),
    "keys that do not fit": lambda n: streamed(
        says("a", created="now", **{f"key{at}": [1e400] for at in range(n)})
    ),
    "usage in each chunk": lambda n: streamed(*[uses("A")] * n),
    "text": lambda n: streamed(*[says("a")] * n),
    "reasoning": lambda n: streamed(*[chunk({"reasoning": "a"})] * n),
    "bytes one by one": lambda n: [
        bytes([each]) for each in event_stream(says("a" * n), finishes())
    ],
}


class Work:
    """Counts the work that is done inside its block."""

    def __init__(self, monkeypatch):
        self.done = 0
        self._patch = monkeypatch
        self._outer = None

    def __enter__(self):
        decode, arguments = json_decoder.decode, _Call.arguments

        def counted(text):
            self.done += len(text)
            return decode(text)

        def counted_arguments(made):
            text = arguments.fget(made)
            self.done += len(text)
            return text

        self._patch.setattr(json_decoder, "decode", counted)
        self._patch.setattr(_Call, "arguments", property(counted_arguments, arguments.fset))
        self._outer = sys.gettrace()
        sys.settrace(self._enter_frame)
        return self

    def __exit__(self, *_):
        sys.settrace(self._outer)
        self._patch.undo()

    def _enter_frame(self, frame, *_):
        return self._count_line if frame.f_code.co_filename.startswith(PACKAGE) else None

    def _count_line(self, *_):
        self.done += 1
        return self._count_line


def work(pieces, monkeypatch):
    assembly = ResponseParser(
        ResponseDecoder(), Repairs(frozenset(REPAIRS), SCHEMAS), REQUEST.model
    )
    data = [piece.encode() if isinstance(piece, str) else piece for piece in pieces]
    with Work(monkeypatch) as counted:
        for piece in data:
            assembly.feed(piece)
        assembly.flush()
    return counted.done


@pytest.mark.parametrize("shape", SHAPES)
def test_work_grows_no_faster_than_the_response(shape, monkeypatch):
    small, medium, large = (work(SHAPES[shape](n), monkeypatch) for n in (150, 300, 600))

    # Twice the size: twice the work if it is linear, four times if it is quadratic.
    assert medium < 2.5 * small
    assert large < 2.5 * medium


CUT = {
    "a list": '{"a": ["x", ',
    "lists in lists": '{"a": [',
    "objects in objects": '{"a":',
    "strings": '"a"',
    "backslashes": "\\",
}


@pytest.mark.parametrize("shape", CUT)
def test_the_mark_of_a_cut_call_costs_linear_work(shape, monkeypatch):
    def cost(n):
        with Work(monkeypatch) as counted:
            cut_mark('{"a": "' + CUT[shape] * n)
            cut_mark(CUT[shape] * n)
        return counted.done

    assert cost(2_000) < 2.5 * cost(1_000)


class Counted(str):
    """A text that counts the characters which are copied by adding to it."""

    __slots__ = ()
    copied = 0

    def __add__(self, other):
        return Counted._add(self, other)

    def __radd__(self, other):
        return Counted._add(other, self)

    @staticmethod
    def _add(before, after):
        Counted.copied += len(before) + len(after)
        return Counted(str(before) + str(after))


@pytest.fixture
def copied():
    Counted.copied = 0
    return lambda: Counted.copied


def test_parts_of_a_call_in_one_increment_are_joined_once(copied):
    parts = [ToolCallDelta(0, None, None, Counted("a")) for _ in range(100)]

    assert merge_by_index(parts)[0].arguments == "a" * 100
    assert copied() == 0


def test_parts_of_a_refusal_are_joined_once(copied):
    accumulator = ChatAccumulator()
    for _ in range(100):
        accumulator.feed_extras(WireMessage(refusal=Counted("a")), is_complete=False)

    assert accumulator.build().refusal == "a" * 100
    assert copied() == 0


def test_log_probabilities_are_kept_in_one_list():
    accumulator = ChatAccumulator()
    increments = [{"content": [{"token": str(at)}]} for at in range(3)]
    accumulator.feed(Delta(logprobs=increments[0]))
    kept = accumulator.completion.logprobs["content"]
    for increment in increments[1:]:
        accumulator.feed(Delta(logprobs=increment))

    assert accumulator.build().logprobs["content"] is kept
    assert [entry["token"] for entry in kept] == ["0", "1", "2"]
    assert [len(increment["content"]) for increment in increments] == [1, 1, 1]


def test_details_without_a_second_fragment_are_not_copied():
    accumulator = ChatAccumulator()
    sent = [{"type": "reasoning.text", "text": "Hm.", "index": at} for at in range(3)]
    accumulator.feed_extras(WireMessage(reasoning_details=sent), is_complete=False)

    assert all(
        kept is came for kept, came in zip(accumulator.build().reasoning_details, sent, strict=True)
    )


def test_details_that_are_merged_leave_what_came_as_it_was():
    accumulator = ChatAccumulator()
    sent = [{"type": "reasoning.text", "text": "Hm.", "index": 0} for _ in range(3)]
    for entry in sent:
        accumulator.feed_extras(WireMessage(reasoning_details=[entry]), is_complete=False)

    assert accumulator.build().reasoning_details[0]["text"] == "Hm.Hm.Hm."
    assert [entry["text"] for entry in sent] == ["Hm."] * 3


PAGES = {
    "tags that do not end": "<html>" + "<" * 1_000_000,
    "titles that do not end": "<title>" * 150_000,
    "titles without a bracket": "<html>" + "<title" * 170_000,
}
READ = """
import sys
from glm_openrouter._response.failures import error_from_body, error_from_envelope
page = sys.stdin.read()
error_from_body(page.encode(), 402, {}, {})
error_from_envelope({"error": {"message": page, "metadata": {"raw": page, "reasons": [page] * 30}}}, {})
"""


@pytest.mark.parametrize("shape", PAGES)
def test_an_error_page_of_any_shape_is_read_in_time(shape):
    # Where the time is quadratic, 1 MB takes minutes; a second is usual.
    subprocess.run(
        [sys.executable, "-c", READ], input=PAGES[shape], text=True, check=True, timeout=60
    )

"""Tool calls in every shape that was seen on the wire, each with the calls that are meant."""

import json

from .wire import USAGE, call, calls, chunk

FULL = '{"city":"Oslo"}'
END = chunk({"content": ""}, "tool_calls", usage=USAGE)
ONE = [("call_1", "weather", {"city": "Oslo"})]
TWO = [*ONE, ("call_2", "clock", {"zone": 3})]
MADE_UP = [("made up", "weather", {"city": "Oslo"})]
NO_ARGUMENTS = [("call_1", "clock", {})]


def bare(**keys):
    return keys


WEATHER = call("weather", FULL, 0, "call_1")
CLOCK = call("clock", '{"zone":3}', 1, "call_2")

SHAPES = {
    "whole in one delta": ([calls(WEATHER), END], ONE),
    "whole in the finish chunk": ([calls(WEATHER, finish="tool_calls")], ONE),
    "a character a delta": (
        [calls(call("weather", "", 0, "call_1")), *[calls(call(None, c, 0)) for c in FULL], END],
        ONE,
    ),
    "two in one delta": ([calls(WEATHER, CLOCK), END], TWO),
    "two in two deltas": ([calls(WEATHER), calls(CLOCK), END], TWO),
    "interleaved": (
        [
            calls(call("weather", '{"ci', 0, "call_1"), call("clock", '{"zo', 1, "call_2")),
            calls(call(None, "ne", 1), call(None, "ty", 0)),
            calls(call(None, '":"Oslo"}', 0), call(None, '":3}', 1)),
            END,
        ],
        TWO,
    ),
    "two fragments of one call in a delta": (
        [calls(call("weather", '{"ci', 0, "call_1"), call(None, 'ty":"Oslo"}', 0)), END],
        ONE,
    ),
    "no index": (
        [
            calls(bare(id="call_1", function={"name": "weather", "arguments": '{"city"'})),
            calls(bare(function={"arguments": ':"Oslo"}'})),
            END,
        ],
        ONE,
    ),
    "two without index": (
        [
            calls(bare(id="call_1", function={"name": "weather", "arguments": FULL})),
            calls(bare(id="call_2", function={"name": "clock", "arguments": '{"zone":3}'})),
            END,
        ],
        TWO,
    ),
    "all on index 0": ([calls(WEATHER), calls({**CLOCK, "index": 0}), END], TWO),
    "all on index 0 in one delta": ([calls(WEATHER, {**CLOCK, "index": 0}), END], TWO),
    "the first index is 1": ([calls({**WEATHER, "index": 1}), END], ONE),
    "no id": ([calls(call("weather", FULL, 0)), END], MADE_UP),
    "an empty id": ([calls(call("weather", FULL, 0, "")), END], MADE_UP),
    "the id null as text, from the start": (
        [calls(call("weather", FULL, 0, "null")), END],
        MADE_UP,
    ),
    "the id null as text, later": (
        [calls(call("weather", "", 0, "call_1")), calls(call(None, FULL, 0, "null")), END],
        ONE,
    ),
    "the id with every fragment": (
        [
            calls(call("weather", '{"city":', 0, "call_1")),
            calls(call(None, '"Oslo"}', 0, "call_1")),
            END,
        ],
        ONE,
    ),
    "another id with every fragment": (
        [
            calls(call("weather", "", 0, "call_1")),
            calls(call(None, '{"city":', 0, "call_8")),
            calls(call(None, '"Oslo"}', 0, "call_9")),
            END,
        ],
        ONE,
    ),
    "one id for two calls": (
        [calls(WEATHER, {**CLOCK, "id": "call_1"}), END],
        [*ONE, ("made up", "clock", {"zone": 3})],
    ),
    "the name with every fragment": (
        [
            calls(call("weather", '{"city":', 0, "call_1")),
            calls(call("weather", '"Oslo"}', 0, "call_1")),
            END,
        ],
        ONE,
    ),
    "an empty name with the second fragment": (
        [
            calls(call("weather", '{"city":', 0, "call_1")),
            calls(bare(index=0, function={"name": "", "arguments": '"Oslo"}'})),
            END,
        ],
        ONE,
    ),
    "null arguments": ([calls(call("clock", None, 0, "call_1")), END], NO_ARGUMENTS),
    "empty arguments": ([calls(call("clock", "", 0, "call_1")), END], NO_ARGUMENTS),
    "the arguments null as text": ([calls(call("clock", "null", 0, "call_1")), END], NO_ARGUMENTS),
    "absent arguments": (
        [calls(bare(index=0, id="call_1", function={"name": "clock"})), END],
        NO_ARGUMENTS,
    ),
    "arguments as an object": (
        [
            calls(
                bare(
                    index=0,
                    id="call_1",
                    function={"name": "weather", "arguments": {"city": "Oslo"}},
                )
            ),
            END,
        ],
        ONE,
    ),
    "arguments encoded twice": (
        [calls({**WEATHER, "function": {"name": "weather", "arguments": json.dumps(FULL)}}), END],
        ONE,
    ),
    "the index as text": (
        [
            calls({**call("weather", '{"city":', 0, "call_1"), "index": "0"}),
            calls({**call(None, '"Oslo"}', 0), "index": "0"}),
            END,
        ],
        ONE,
    ),
    "a null among the calls": ([calls(None, WEATHER), END], ONE),
    "no type": ([calls({k: v for k, v in WEATHER.items() if k != "type"}), END], ONE),
    "a delta without function": (
        [
            calls(bare(index=0)),
            calls(call("weather", "", 0, "call_1")),
            calls(bare(index=0, id="call_1")),
            calls(call(None, FULL, 0)),
            END,
        ],
        ONE,
    ),
    "white space after the call": (
        [calls(WEATHER), calls(call(None, " ", 0)), calls(call(None, "\n", 0)), END],
        ONE,
    ),
    "the finish chunk twice": ([calls(WEATHER), END, END], ONE),
    "the call again with the finish": (
        [calls(WEATHER), calls(WEATHER, finish="tool_calls"), END],
        ONE,
    ),
    "the whole finish chunk twice": ([calls(WEATHER, finish="tool_calls")] * 2, ONE),
    "a marker in the name": ([calls(call("<tool_call>weather", FULL, 0, "call_1")), END], ONE),
    "a line end in the name": ([calls(call("weather\n", FULL, 0, "call_1")), END], ONE),
    "the same call twice, on purpose": (
        [calls(WEATHER, {**WEATHER, "index": 1, "id": "call_2"}), END],
        [*ONE, ("call_2", "weather", {"city": "Oslo"})],
    ),
    "finished with stop": ([calls(WEATHER), chunk({}, "stop")], ONE),
    "finished with nothing": ([calls(WEATHER)], ONE),
    "empty lists": ([calls(), calls(WEATHER), calls(), END], ONE),
}

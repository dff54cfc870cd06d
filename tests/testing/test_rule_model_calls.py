"""Which tools the rule-based model calls, and with what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.rule_model import ADD, MULTIPLY, SEARCH, WEATHER, calls_for, json_for, run_agent, tool

# Which tools are called


def test_a_tool_is_called_when_the_prompt_asks_for_what_it_does():
    assert calls_for("weather in Bergen, Norway?", [WEATHER, ADD]) == [
        ("get_weather", {"location": "Bergen, Norway"})
    ]


def test_both_of_two_tools_are_called_when_both_are_asked_for():
    assert calls_for("Add and multiply 4 and 5", [ADD, MULTIPLY]) == [
        ("add", {"a": 4, "b": 5}),
        ("multiply", {"a": 4, "b": 5}),
    ]


def test_each_tool_gets_the_numbers_that_stand_next_to_it():
    assert calls_for("multiply 4 and 5 and add 6 and 7", [ADD, MULTIPLY]) == [
        ("multiply", {"a": 4, "b": 5}),
        ("add", {"a": 6, "b": 7}),
    ]


def test_operators_ask_for_the_tools_that_compute_them():
    assert calls_for("What is 12 * 3?", [ADD, MULTIPLY]) == [("multiply", {"a": 12, "b": 3})]


def test_one_tool_is_called_once_for_each_place():
    assert calls_for("weather in Paris and Rome", [WEATHER]) == [
        ("get_weather", {"location": "Paris"}),
        ("get_weather", {"location": "Rome"}),
    ]


def test_calls_come_one_by_one_when_parallel_calls_are_off():
    calls = calls_for("weather in Paris and Rome", [WEATHER], parallel_tool_calls=False)

    assert [arguments["location"] for _, arguments in calls] == ["Paris"]


@pytest.mark.parametrize("text", ["Hello!", "Thank you very much", "I like trains"])
def test_no_tool_is_called_when_nothing_asks_for_it(text):
    assert calls_for(text, [WEATHER, ADD, SEARCH]) == []


def test_a_search_tool_is_called_for_a_question_that_no_other_tool_answers():
    assert calls_for("what is a bundle?", [ADD, SEARCH]) == [
        ("search_docs", {"query": "what is a bundle?"})
    ]


def test_a_tool_that_is_spelled_out_is_called_alone():
    other = tool("secret_number", "Return the secret number.")
    tools = [tool("secret_number_of", "Return the secret number.", input="integer"), other]

    assert calls_for("What does secret_number() return?", tools) == [("secret_number", {})]


def test_tool_choice_none_forbids_tools():
    assert calls_for("weather in Oslo", [WEATHER], tool_choice="none") == []


def test_tool_choice_required_calls_a_tool_even_for_a_greeting():
    assert len(calls_for("Hello!", [WEATHER], tool_choice="required")) == 1


def test_a_named_tool_choice_calls_that_tool():
    choice = {"type": "function", "function": {"name": "add"}}

    assert calls_for("weather in Oslo", [WEATHER, ADD], tool_choice=choice)[0][0] == "add"


# Agents


def test_an_agent_reports_the_results_of_its_tools():
    turns, answer = run_agent("weather in Oslo?", [WEATHER], {"get_weather": "3 degrees, rain"})

    assert turns == [[("get_weather", {"location": "Oslo"})]]
    assert "3 degrees, rain" in answer


def test_an_agent_takes_missing_numbers_from_earlier_results():
    turns, answer = run_agent(
        "multiply 6 and 7, then add 8", [ADD, MULTIPLY], {"multiply": "42", "add": "50"}
    )

    assert turns == [[("multiply", {"a": 6, "b": 7})], [("add", {"a": 8, "b": 42})]]
    assert "50" in answer


def test_a_form_is_handed_in_only_after_the_tools_have_run():
    form = tool("WeatherReport", "The weather of a place.", location="string", temperature="number")

    turns, _ = run_agent(
        "weather in Oslo?", [WEATHER, form], {"get_weather": "3 degrees", "WeatherReport": "ok"}
    )

    assert turns == [
        [("get_weather", {"location": "Oslo"})],
        [("WeatherReport", {"location": "Oslo", "temperature": 3})],
    ]


def test_an_agent_is_chosen_from_the_menu_in_the_description():
    menu = "Hand over to another agent.\n{'Chef': 'Cooks soup and bread', 'Clerk': 'Sorts mail'}\n"
    handoff = tool("handoff", menu, to_agent="string", reason="string")

    ((name, arguments),) = calls_for("I want some soup", [handoff])

    assert (name, arguments["to_agent"]) == ("handoff", "Chef")


# Arguments


def test_origin_destination_date_and_count_find_their_values():
    booking = tool(
        "book_train",
        "Book a train",
        origin="string",
        destination="string",
        date={"type": "string", "format": "date"},
        seats="integer",
    )

    assert calls_for("Book a train from Rome to Turin on May 3, 2026, 2 seats", [booking]) == [
        (
            "book_train",
            {"origin": "Rome", "destination": "Turin", "date": "2026-05-03", "seats": 2},
        )
    ]


def test_quoted_text_of_any_script_goes_into_the_argument():
    create = tool("create_user", "Create a user", name="string")

    assert calls_for("Create a user named '東京商事' (a company)", [create]) == [
        ("create_user", {"name": "東京商事"})
    ]


def test_optional_arguments_that_nobody_mentions_are_left_out():
    listing = tool("list_files", "List files", required=[], limit="integer", verbose="boolean")

    assert calls_for("list the files", [listing]) == [("list_files", {})]
    assert calls_for("list the files with limit 5", [listing]) == [("list_files", {"limit": 5})]


def test_enums_references_unions_and_bounds_are_heeded():
    order = tool(
        "order_pizza",
        "Order a pizza",
        size={"enum": ["small", "large"]},
        count={"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
        address={"$ref": "#/$defs/Address"},
    )
    order["function"]["parameters"]["$defs"] = {
        "Address": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        }
    }

    assert calls_for("Order 2 large pizzas to be sent to Siena", [order]) == [
        ("order_pizza", {"size": "large", "count": 2, "address": {"city": "Siena"}})
    ]


def test_a_schema_that_contains_itself_is_filled_in_the_end():
    schema = {
        "$ref": "#/$defs/Node",
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "next": {"$ref": "#/$defs/Node"}},
                "required": ["name", "next"],
            }
        },
    }

    assert json_for("A list that begins with Alpha", schema)["name"]


_LEAVES = st.sampled_from(
    [
        {"type": "string"},
        {"type": "integer", "minimum": 3},
        {"type": "number"},
        {"type": "boolean"},
        True,
        {"enum": ["red", "green"]},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ]
)
_OBJECTS = st.dictionaries(st.sampled_from(["city", "age", "notes", "items", "x"]), _LEAVES).map(
    lambda inner: {"type": "object", "properties": inner, "required": list(inner)}
)


@given(schema=_OBJECTS, text=st.text(max_size=80))
def test_required_properties_are_always_filled(schema, text):
    assert set(json_for(text or "x", schema)) == set(schema["properties"])

"""What the rule-based model does for query engines: choose, plan, cite, rephrase."""

import json

from glm_openrouter.testing._openrouter.prompts import read_prompt
from glm_openrouter.testing._rules import respond
from support.rule_model import ask, calls_for, tool

CHOICES = """Some choices are given below. It is provided in a numbered list (1 to 3).
---------------------
(1) The history of tea

(2) The history of coffee

(3) The history of cocoa
---------------------
Using only the choices above, return the choice that is most relevant to the question: """
QUESTION = "'When did coffee houses open in Vienna?'\n"


def test_a_form_gets_the_number_of_the_choice_that_fits():
    form = tool("Selection", "A selection of a choice.", index="integer", reason="string")
    assert calls_for(CHOICES + QUESTION, [form], tool_choice="required") == [
        ("Selection", {"index": 2, "reason": "The history of coffee"})
    ]


def test_a_choice_in_json_takes_the_form_of_an_almost_json_example():
    text = (
        f"{CHOICES}{QUESTION}\nThe output should be ONLY JSON.\nHere is an example:\n"
        '[\n    {{\n        choice: 1,\n        reason: "<insert reason>"\n    }},\n    ...\n]\n'
    )
    expected = [{"choice": 2, "reason": "The history of coffee"}]
    assert json.loads(ask(text).text) == expected


def test_a_schema_with_the_double_braces_of_a_template_is_read():
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    doubled = json.dumps(schema).replace("{", "{{").replace("}", "}}")
    text = f"She lives in Turin.\n\nHere's a JSON schema to follow:\n{doubled}\n"
    assert json.loads(ask(text).text) == {"city": "Turin"}


PLAN = """Given a question and a list of tools, output sub-questions in json markdown.

# Example 1
<Tools>
```json
{"uber": "Financials of Uber"}
```

<User Question>
What is the revenue of Uber

<Output>
```json
{"items": [{"sub_question": "What is the revenue of Uber", "tool_name": "uber"}]}
```

# Example 2
<Tools>
```json
{"tea": "The history of tea", "coffee": "The history of coffee"}
```

<User Question>
QUESTION

<Output>
"""


def plan(question):
    text = ask(PLAN.replace("QUESTION", question)).text
    items = json.loads(text.removeprefix("```json").removesuffix("```"))["items"]
    return [(item["tool_name"], item["sub_question"]) for item in items]


def test_a_question_with_two_parts_is_split_as_the_example_shows():
    assert plan("When did tea come to Lisbon and when did coffee come to Vienna?") == [
        ("tea", "When did tea come to Lisbon?"),
        ("coffee", "When did coffee come to Vienna?"),
    ]


def test_a_question_about_two_tools_goes_to_both():
    question = "Compare tea with coffee."
    assert plan(question) == [("tea", question), ("coffee", question)]


def test_an_answer_from_numbered_sources_cites_them():
    sources = "Source 1:\nTea came to Lisbon in 1610.\n\nSource 2:\nCoffee came to Vienna in 1685."
    text = (
        f"Cite the sources by their numbers.\nSources:\n------\n{sources}\n------\n"
        "Query: When did coffee come to Vienna?\nAnswer: "
    )
    assert ask(text).text == "Coffee came to Vienna in 1685 [2]."


def test_sources_in_the_system_prompt_are_cited_too():
    system = (
        "Answer from the sources, and cite them by number.\n\nSources:\n"
        "Source 1:\nTea came to Lisbon in 1610.\n\nSource 2:\nCoffee came to Vienna in 1685."
    )
    answer = ask("When did coffee come to Vienna?", system=system)
    assert answer.text == "Coffee came to Vienna in 1685 [2]."


def test_a_question_in_the_context_is_no_answer():
    text = (
        "Context information is below.\n-----\nSub question: When did tea come to Lisbon?\n"
        "Response: Tea came to Lisbon in 1610.\n-----\nQuery: When did tea come to Lisbon?\n"
    )
    assert ask(text).text == "Tea came to Lisbon in 1610."


def test_not_to_know_is_no_answer_to_refine():
    unknown = ask("<context>Milk is white, as a rule.</context>\nQuestion: Who is in Lisbon?").text
    text = (
        f"New Context: Tea came to Lisbon in 1610.\nQuery: When did tea come to Lisbon?\n"
        f"Original Answer: {unknown}\nNew Answer: "
    )
    assert ask(text).text == "Tea came to Lisbon in 1610."


FOLLOW_UP = (
    "Given the conversation, rephrase the follow up question to be a standalone question.\n\n"
    "Chat History:\nuser: When did tea come to Lisbon?\nassistant: In 1610.\n"
    "Follow Up Input: {}\nStandalone question:"
)


def test_a_follow_up_is_joined_to_the_question_before_it():
    expected = "When did tea come to Lisbon, and who sold it there?"
    assert ask(FOLLOW_UP.format("And who sold it there?")).text == expected


def test_a_follow_up_that_names_what_it_is_about_stands_alone():
    question = "When did coffee come to Vienna?"
    assert ask(FOLLOW_UP.format(question)).text == question


def test_a_question_about_a_title_is_not_a_request_for_one():
    text = (
        "Context information is below.\n-----\nThe title of the book is Tea. It is old.\n-----\n"
        "Given the context, answer the query.\nQuery: What is the title of the book?\nAnswer: "
    )
    assert ask(text).text == "The title of the book is Tea."


def test_the_reason_for_a_transfer_does_not_repeat_the_one_before():
    agents = "Hand off to another agent. Currently available agents: {'Cook': 'Cooks pasta'}"
    handoff = tool("handoff", agents, to_agent="string", reason="string")
    made = {"name": "handoff", "arguments": '{"to_agent": "Waiter", "reason": "x"}'}
    messages = [
        {"role": "user", "content": "Cook pasta."},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "call_1", "function": made}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "Agent Waiter is now in charge."},
    ]
    (call,) = respond(read_prompt({"messages": messages, "tools": [handoff]})).tool_calls
    assert "Waiter" not in call.arguments["reason"]

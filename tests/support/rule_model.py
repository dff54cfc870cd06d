"""Ask the rule-based model without a server."""

import json

from glm_openrouter.testing._openrouter.prompts import read_prompt
from glm_openrouter.testing._rules import respond


def tool(name, description="", /, required=None, **properties):
    schemas = {
        key: value if isinstance(value, dict) else {"type": value}
        for key, value in properties.items()
    }
    parameters = {
        "type": "object",
        "properties": schemas,
        "required": list(schemas) if required is None else required,
    }
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


ADD = tool("add", "Add two numbers", a="integer", b="integer")
MULTIPLY = tool("multiply", "Multiply two numbers", a="integer", b="integer")
WEATHER = tool("get_weather", "Get the weather at a location.", location="string")
SEARCH = tool("search_docs", "Search the documentation.", query="string")


def ask(text, tools=(), *, system=None, history=(), **options):
    messages = [{"role": "system", "content": system}] if system else []
    messages += [*history, {"role": "user", "content": text}]
    return respond(read_prompt({"messages": messages, "tools": list(tools), **options}))


def calls_for(text, tools, **options):
    return [(call.name, call.arguments) for call in ask(text, tools, **options).tool_calls]


def json_for(text, schema, **options):
    response_format = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return json.loads(ask(text, response_format=response_format, **options).text)


def run_agent(text, tools, results):
    """Play a loop: `results` maps the name of a tool to what it returns."""
    messages = [{"role": "user", "content": text}]
    turns = []
    while (answer := respond(read_prompt({"messages": messages, "tools": tools}))).tool_calls:
        turns.append([(call.name, call.arguments) for call in answer.tool_calls])
        calls = [
            {
                "id": f"call_{len(turns)}_{at}",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            }
            for at, call in enumerate(answer.tool_calls)
        ]
        messages.append({"role": "assistant", "content": answer.text, "tool_calls": calls})
        messages += [
            {
                "role": "tool",
                "tool_call_id": call["id"],
                "content": results[call["function"]["name"]],
            }
            for call in calls
        ]
        assert len(turns) < 9, "the loop does not end"
    return turns, answer.text

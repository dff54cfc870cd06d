"""`with_structured_output`: instruction, answer, validation, one repair, or an error that holds the answer."""

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal, cast, is_typeddict

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel, TypeAdapter

from glm_openrouter import errors, structured

from ._to_wire import to_tool

if TYPE_CHECKING:
    from .chat_models import ChatGLM

__all__ = ["StructuredOutputError", "structured_output"]

Method = Literal["json_schema", "function_calling", "json_mode"]
JSONObject = dict[str, Any]


class StructuredOutputError(errors.StructuredOutputError, OutputParserException):
    """An answer that does not fit the schema that was asked for; `raw` is the message."""

    def __init__(self, message: str, raw: AIMessage) -> None:
        errors.StructuredOutputError.__init__(self, message, raw)
        self.observation, self.llm_output, self.send_to_llm = message, str(raw.text), False


def structured_output(
    model: "ChatGLM",
    schema: JSONObject | type,
    *,
    method: Method,
    include_raw: bool,
    strict: bool | None,
    **kwargs: Any,
) -> Runnable[LanguageModelInput, Any]:
    """Return the runnable of `ChatGLM.with_structured_output`."""
    plan = _Plan(schema, method, strict)
    bound = model.bind(**plan.arguments(kwargs), **kwargs)
    answer = RunnablePassthrough.assign(raw=itemgetter("messages") | bound)
    read = RunnableLambda(plan.read)
    repaired = RunnableLambda(_ask_again) | answer | read
    chain: Runnable[Any, Any] = read.with_fallbacks(
        [repaired], exceptions_to_handle=(StructuredOutputError,), exception_key="error"
    )
    if include_raw:
        chain = chain.with_fallbacks(
            [RunnableLambda(_give_up)],
            exceptions_to_handle=(StructuredOutputError,),
            exception_key="error",
        )

    def ask(given: LanguageModelInput) -> JSONObject:
        return plan.ask(model._convert_input(given).to_messages())

    whole = RunnableLambda(ask) | answer | chain
    return whole if include_raw else whole | itemgetter("parsed")


class _Plan:
    """One schema and the method to get an answer in it."""

    def __init__(self, schema: JSONObject | type, method: Method, strict: bool | None) -> None:
        if method not in ("json_schema", "function_calling", "json_mode"):
            msg = f"method must be json_schema, function_calling or json_mode, got {method!r}."
            raise errors.InvalidRequestError(msg)
        self._schema = schema
        self._method = method
        self._strict = strict
        self._json_schema = convert_to_json_schema(schema)
        self._tool = to_tool(schema, strict=strict) if method == "function_calling" else None

    def arguments(self, given: JSONObject) -> JSONObject:
        """Return what the request gets beside the messages; tools that were given stay."""
        traced = {
            "kwargs": {"method": self._method, "strict": self._strict},
            "schema": self._json_schema,
        }
        arguments: JSONObject = {"ls_structured_output_format": traced}
        if self._tool is not None:
            others = [to_tool(tool) for tool in given.pop("tools", ())]
            arguments["tools"] = [*others, self._tool]
        elif self._method == "json_mode":
            arguments["response_format"] = {"type": "json_object"}
        else:
            arguments["response_format"] = structured.response_format(
                self._json_schema, strict=self._strict
            )
        return arguments

    def ask(self, messages: list[BaseMessage]) -> JSONObject:
        """Return the messages with the instruction, as a part of the system prompt."""
        if self._tool is not None:
            instruction = structured.tool_instruction(self._tool["function"]["name"])
        else:
            instruction = structured.schema_instruction(self._json_schema)
        if messages and isinstance(messages[0], SystemMessage):
            system, *messages = messages
            instruction = f"{system.text}\n\n{instruction}"
        return {"messages": [SystemMessage(instruction), *messages]}

    def read(self, state: JSONObject) -> JSONObject:
        """Return the answer as an object of the schema.

        Raises:
            StructuredOutputError: It cannot be read as one.
        """
        raw: AIMessage = state["raw"]
        try:
            value = self._validate(self._value_of(raw))
        except (ValueError, TypeError) as error:
            raise StructuredOutputError(str(error), raw) from error
        return {"raw": raw, "parsed": value, "parsing_error": None}

    def _value_of(self, raw: AIMessage) -> Any:
        name = self._tool["function"]["name"] if self._tool else None
        for call in raw.tool_calls:
            if call["name"] == name:
                return call["args"]
        return structured.extract_json(str(raw.text))

    def _validate(self, value: Any) -> Any:
        schema = self._schema
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            return schema.model_validate(value)
        if isinstance(schema, type) and is_basemodel_subclass(schema):
            return cast(Any, schema).parse_obj(value)  # a class of pydantic.v1
        if is_typeddict(schema):
            return TypeAdapter(schema).validate_python(value)
        return structured.check_schema(value, self._json_schema)


def _ask_again(state: JSONObject) -> JSONObject:
    """Return the conversation with the answer that was no good, and why."""
    raw: AIMessage = state["raw"]
    instruction = structured.repair_instruction(str(state["error"]))
    again: list[BaseMessage] = [
        ToolMessage(instruction, tool_call_id=call["id"]) for call in raw.tool_calls
    ]
    again = again or [HumanMessage(instruction)]
    return {"messages": [*state["messages"], raw, *again]}


def _give_up(state: JSONObject) -> JSONObject:
    error: StructuredOutputError = state["error"]
    return {"raw": error.raw, "parsed": None, "parsing_error": error}

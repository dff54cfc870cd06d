"""What calls return -> values that Arrow holds."""

from collections.abc import Mapping
from typing import Any, TypeGuard

from pydantic import BaseModel

from glm_openrouter.completions import Completion

__all__ = ["is_object", "plain"]


def is_object(answer: object) -> TypeGuard[BaseModel]:
    """Return whether an answer is an object in a schema, and no message or response of a framework.

    The core imports no framework; what all of these have, and no schema of a user's, is `additional_kwargs`.
    """
    return isinstance(answer, BaseModel) and "additional_kwargs" not in type(answer).model_fields


def plain(answer: Any) -> Any:
    """Return an answer as plain data: text of messages and responses, and of objects a dict as their JSON would be.

    What is neither comes back as it is.
    """
    match answer:
        case Mapping():
            return {str(name): plain(value) for name, value in answer.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(value) for value in answer]
        case Completion():
            return answer.text
        case BaseModel() if is_object(answer):
            return answer.model_dump(mode="json")
        case BaseModel():
            message: Any = getattr(answer, "message", answer)  # of a chat response of LlamaIndex
            return str(message.text if hasattr(message, "text") else message.content or "")
        case str():
            return str(answer)  # also of LangChain's texts, which can do more
        case _:
            return answer

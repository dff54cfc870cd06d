"""An OpenRouter for tests and demonstrations that needs no network.

`OfflineServer` answers by rules, as GLM through OpenRouter might, or with what a function of yours returns; `serve`
runs it in the foreground. `ScriptedServer` sends exactly the bytes it is told to, when it is told to, for all that can
go wrong on the way. `glm_openrouter.testing.pytest_plugin` has fixtures for both.

The servers need the extra: `pip install "glm-openrouter[testing]"`.
"""

from ._answers.answer import Answer, AnswerFunction, ErrorAnswer
from ._answers.prompt import Call, Message, Prompt, Tool, ToolResult
from ._openrouter.answerer import AnswerFunctions
from ._openrouter.received import ReceivedRequest
from ._servers.offline_server import OfflineServer, serve
from ._servers.replies import (
    ReplyFunction,
    answer_reply,
    bytes_reply,
    error_reply,
    json_reply,
    stream_reply,
    text_reply,
    tool_call_reply,
)
from ._servers.scripted_connection import ConnectionLog
from ._servers.scripted_server import ScriptedServer
from ._servers.steps import (
    Close,
    Comment,
    Done,
    Event,
    Hold,
    Reply,
    Reset,
    Send,
    Status,
    Step,
    Wait,
)

__all__ = [
    "Answer",
    "AnswerFunction",
    "AnswerFunctions",
    "Call",
    "Close",
    "Comment",
    "ConnectionLog",
    "Done",
    "ErrorAnswer",
    "Event",
    "Hold",
    "Message",
    "OfflineServer",
    "Prompt",
    "ReceivedRequest",
    "Reply",
    "ReplyFunction",
    "Reset",
    "ScriptedServer",
    "Send",
    "Status",
    "Step",
    "Tool",
    "ToolResult",
    "Wait",
    "answer_reply",
    "bytes_reply",
    "error_reply",
    "json_reply",
    "serve",
    "stream_reply",
    "text_reply",
    "tool_call_reply",
]

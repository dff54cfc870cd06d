"""An OpenRouter for tests and demonstrations that needs no network.

`OfflineServer` answers by rules, as GLM through OpenRouter might; `serve` runs the same in the foreground.
`ScriptedServer` sends exactly the bytes it is told to, when it is told to, for all that can go wrong on the way.
`glm_openrouter.testing.pytest_plugin` has fixtures for both.

The servers need the extra: `pip install "glm-openrouter[testing]"`.
"""

from ._openrouter.received import ReceivedRequest
from ._servers.offline_server import OfflineServer, serve
from ._servers.scripted_server import ConnectionLog, ScriptedServer
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
    bytes_reply,
    json_reply,
    stream_reply,
)

__all__ = [
    "Close",
    "Comment",
    "ConnectionLog",
    "Done",
    "Event",
    "Hold",
    "OfflineServer",
    "ReceivedRequest",
    "Reply",
    "Reset",
    "ScriptedServer",
    "Send",
    "Status",
    "Step",
    "Wait",
    "bytes_reply",
    "json_reply",
    "serve",
    "stream_reply",
]

"""What the signatures of `glm_openrouter.testing` promise: read by mypy and pyright in `make types`, never run."""

from collections.abc import Sequence
from typing import assert_type

from glm_openrouter.testing import (
    OfflineServer,
    ReceivedRequest,
    Reply,
    ScriptedServer,
    bytes_reply,
    json_reply,
    stream_reply,
)


def offline() -> None:
    with OfflineServer() as server:
        assert_type(server, OfflineServer)
        assert_type(server.base_url, str)
        assert_type(server.requests[0], ReceivedRequest)


def scripted() -> None:
    with ScriptedServer(
        [json_reply({"choices": []}, 200), bytes_reply(b"data: [DONE]\n\n")]
    ) as server:
        assert_type(server, ScriptedServer)
        assert_type(server.base_url, str)
        assert_type(server.requests[0], ReceivedRequest)


def replies() -> None:
    given: Sequence[Reply] = [json_reply({}), bytes_reply(b""), stream_reply([])]
    ScriptedServer(given)

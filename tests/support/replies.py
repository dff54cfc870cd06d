"""What a scripted server sends where it matters only that something comes."""

from glm_openrouter.testing import Event, Hold, Status, stream_reply

from .wire import USAGE, chunk

OPEN = Status(200, {"content-type": "text/event-stream"})
TEXT = "Pier two."
ANSWER = stream_reply(
    [chunk({"content": "Pier "}), chunk({"content": "two."}), chunk({}, "stop", usage=USAGE)]
)
"""For plain requests, too: a stream is an answer to them as well."""
LONG = stream_reply([chunk({"content": "word "}) for _ in range(200)], interval=0.01)
STALLED = (OPEN, Event(chunk({"content": "word "})), Hold())

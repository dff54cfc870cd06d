"""What is fed with what. A target takes bytes and chance, and raises if an invariant does not hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from glm_openrouter._response.sse import ResponseDecoder

from . import adapters, answering, asking, deltas, http_bytes
from .assembling import Options, assemble
from .invariants import check_adds_up, check_calls, check_quoted, check_same
from .mutations import cut, mutate
from .seeds import answers, responses

__all__ = ["TARGETS", "Target"]

Check = Callable[[bytes, Random], None]


@dataclass(frozen=True)
class Target:
    """A part of the package, and what it is fed with."""

    name: str
    check: Check
    seeds: Sequence[bytes]
    share: int
    """How often it is chosen, in comparison with others."""

    def draw(self, rng: Random) -> bytes:
        """Return something to feed it with."""
        return mutate(rng, self.seeds)


def check_decoder(body: bytes, rng: Random) -> None:
    """The payloads of a body do not depend on how it is cut."""
    assert _decode([body]) == _decode(cut(rng, body)), "cuts make a difference"


def _decode(pieces: Sequence[bytes]) -> list[bytes]:
    decoder = ResponseDecoder()
    payloads: list[bytes] = []
    for piece in pieces:
        payloads += decoder.feed(piece)
        if decoder.done:
            return payloads
    return payloads + decoder.flush()


def check_response(body: bytes, rng: Random) -> None:
    """From the bytes to the completion."""
    options = Options.draw(rng)
    whole, pieces = assemble([body], options), assemble(cut(rng, body), options)
    check_same(whole, pieces)
    for outcome in (whole, pieces):
        check_adds_up(outcome)
    check_calls(whole)
    check_quoted(body, options, whole)


RESPONSES = responses()
TARGETS = {
    target.name: target
    for target in (
        Target("decoder", check_decoder, RESPONSES, 10),
        Target("response", check_response, RESPONSES, 60),
        Target("langchain", adapters.check_langchain, RESPONSES, 10),
        Target("llamaindex", adapters.check_llamaindex, RESPONSES, 10),
        Target("deltas", deltas.check_deltas, deltas.SEEDS, 5),
        Target("answers", answering.check_answer, [text.encode() for text in answers()], 10),
        Target("messages", asking.check_messages, asking.SEEDS, 2),
        Target("http", http_bytes.check_http, http_bytes.SEEDS, 1),
    )
}

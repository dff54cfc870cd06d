"""What calls add to metrics (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/)."""

from typing import Final

from opentelemetry.metrics import Meter

from glm_openrouter._client.call_record import CallObserver, CallRecord
from glm_openrouter.completions import Usage

from .attributes import error_attributes, shared_attributes

__all__ = ["Metrics"]

_TOKENS: Final = [4**power for power in range(14)]
_SECONDS: Final = [0.01 * 2**power for power in range(14)]
"""The boundaries that the conventions name."""


class Metrics(CallObserver):
    """Counts tokens, seconds and USD.

    Args:
        meter: What the metrics belong to.
    """

    def __init__(self, meter: Meter) -> None:
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._first_chunk = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            unit="s",
            description="Time until the first reasoning, text or tool call of a streamed response.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._cost = meter.create_counter(
            "openrouter.client.cost", unit="{USD}", description="What the calls have cost."
        )

    def end(self, call: CallRecord) -> None:
        """Add a call."""
        attributes = shared_attributes(call)
        if call.facts.model:
            attributes["gen_ai.response.model"] = call.facts.model
        if call.facts.provider:
            attributes["openrouter.provider"] = call.facts.provider
        usage = call.facts.usage or Usage()
        counts = {"input": usage.prompt_tokens, "output": usage.completion_tokens}
        for kind, count in counts.items():
            if count is not None:
                self._tokens.record(int(count), {**attributes, "gen_ai.token.type": kind})
        if usage.cost:
            self._cost.add(usage.cost, attributes)
        if call.seconds_to_first_token is not None:
            self._first_chunk.record(call.seconds_to_first_token, attributes)
        if call.error is not None:
            attributes["error.type"] = error_attributes(call.error)["error.type"]
        self._duration.record(call.seconds, attributes)

"""A span for each call."""

import time
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from glm_openrouter._client.call_record import CallObserver, CallRecord

from .attributes import (
    error_attributes,
    request_attributes,
    response_attributes,
    token_attributes,
)
from .contents import input_contents, output_contents

__all__ = ["Spans"]


class _OpenSpan:
    """The span of a call that is under way."""

    def __init__(self, span: Span, began: int) -> None:
        self.span = span
        self.began = began
        """Nanoseconds since the epoch."""
        # So that what HTTP clients tell of themselves is within it.
        self.token: Any = otel_context.attach(set_span_in_context(span))


class Spans(CallObserver):
    """Makes the spans.

    Args:
        tracer: What they belong to.
        captures_content: Whether they hold prompts and answers.
        counts_tokens: Whether they name the tokens.
    """

    def __init__(self, tracer: Tracer, *, captures_content: bool, counts_tokens: bool) -> None:
        self._tracer = tracer
        self._counts_tokens = counts_tokens
        self._captures_content = captures_content

    def begin(self, call: CallRecord) -> None:
        """Begin the span, within the one that is current."""
        if not is_instrumentation_enabled():
            return
        began = time.time_ns()
        span = self._tracer.start_span(
            f"{call.operation} {call.model}",
            kind=SpanKind.CLIENT,
            attributes=request_attributes(call),
            start_time=began,
        )
        call.kept[self] = _OpenSpan(span, began)

    def opened(self, call: CallRecord) -> None:
        """Let the span before be the current one again: what follows is not part of the call."""
        if kept := call.kept.get(self):
            otel_context.detach(kept.token)

    def end(self, call: CallRecord) -> None:
        """End the span."""
        kept = call.kept.pop(self, None)
        if kept is None:
            return
        span, began = kept.span, kept.began
        try:
            if span.is_recording():
                self._fill(span, call, began)
        finally:
            span.end(began + _nanoseconds(call.seconds))

    def _fill(self, span: Span, call: CallRecord, began: int) -> None:
        for event in call.events:
            span.add_event(
                f"openrouter.{event.name}",
                event.details,
                timestamp=began + _nanoseconds(event.seconds),
            )
        span.set_attributes(response_attributes(call))
        if self._counts_tokens:
            span.set_attributes(token_attributes(call.facts))
        if self._captures_content:
            span.set_attributes(input_contents(call.body))
            span.set_attributes(output_contents(call.facts))
        if call.error is not None:
            span.set_attributes(error_attributes(call.error))
            description = str(call.error) if self._captures_content else type(call.error).__name__
            span.set_status(Status(StatusCode.ERROR, description))


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)

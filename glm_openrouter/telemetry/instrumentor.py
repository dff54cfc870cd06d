"""The instrumentor, in OpenTelemetry's own form: `opentelemetry-instrument` finds it by its entry point."""

import os
from collections.abc import Collection
from importlib.metadata import version
from typing import Any

from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]  # it names no __all__
    BaseInstrumentor,
)
from opentelemetry.metrics import get_meter
from opentelemetry.trace import get_tracer

from glm_openrouter._client.call_record import CallObserver, add_observer, remove_observer

from .metrics import Metrics
from .spans import Spans

__all__ = ["CAPTURE_CONTENT", "OpenRouterInstrumentor"]

CAPTURE_CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""The variable by which OpenTelemetry's conventions have message contents in spans."""

_CAPTURING = ("true", "span_only", "span_and_event")
"""Values of it with which contents are in spans. Events of their own are not sent."""

_NAME = "glm_openrouter"
_VERSION = version("glm-openrouter")


class OpenRouterInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # it is Any to mypy
    """Has each call to OpenRouter make a span, and count in metrics: `OpenRouterInstrumentor().instrument()`.

    Spans and metrics follow OpenTelemetry's conventions for generative AI
    (https://opentelemetry.io/docs/specs/semconv/gen-ai/). What they know nothing of, such as the cost, is in attributes
    that begin with `openrouter.`

    `instrument` takes `tracer_provider`, `meter_provider`, and `capture_content`: whether spans hold prompts and
    answers. Default: what `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` says, which is no unless it is set.
    With `token_usage=False` spans name no tokens: for programs in which a tracer of the framework counts them, too.
    """

    _watching: tuple[CallObserver, ...] = ()

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return what has to be installed for this to make sense."""
        return ("glm-openrouter",)

    def _instrument(self, **kwargs: Any) -> None:
        capture = kwargs.get("capture_content")
        if capture is None:
            capture = os.environ.get(CAPTURE_CONTENT, "").strip().lower() in _CAPTURING
        tracer = get_tracer(_NAME, _VERSION, kwargs.get("tracer_provider"))
        meter = get_meter(_NAME, _VERSION, kwargs.get("meter_provider"))
        spans = Spans(
            tracer,
            captures_content=bool(capture),
            counts_tokens=kwargs.get("token_usage", True),
        )
        self._watching = (spans, Metrics(meter))
        for observer in self._watching:
            add_observer(observer)

    def _uninstrument(self, **_: Any) -> None:
        for observer in self._watching:
            remove_observer(observer)
        self._watching = ()

"""What a program that is instrumented sends: its spans, kept in memory."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from glm_openrouter.telemetry import OpenRouterInstrumentor


class Traces:
    """What has been exported."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self.provider.get_tracer("of a test")
        self._reader = InMemoryMetricReader()
        self.meters = MeterProvider([self._reader], shutdown_on_exit=False)

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    @property
    def calls(self) -> list[ReadableSpan]:
        """The spans that are calls."""
        return [span for span in self.spans if span.kind.name == "CLIENT"]

    @property
    def call(self) -> ReadableSpan:
        (call,) = self.calls
        return call

    def metric(self, name: str) -> list[Any]:
        """The points of a metric."""
        data = self._reader.get_metrics_data()
        resources = data.resource_metrics if data else ()
        scopes = [scope for resource in resources for scope in resource.scope_metrics]
        metrics = [metric for scope in scopes for metric in scope.metrics]
        return [point for m in metrics if m.name == name for point in m.data.data_points]


@pytest.fixture
def instrument() -> Iterator[Callable[..., Traces]]:
    """Instruments this process until the test is over, and returns what is exported."""
    instrumentor = OpenRouterInstrumentor()

    def start(**options: Any) -> Traces:
        traces = Traces()
        instrumentor.instrument(
            tracer_provider=traces.provider, meter_provider=traces.meters, **options
        )
        return traces

    yield start
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


@pytest.fixture
def traces(instrument: Callable[..., Traces]) -> Traces:
    return instrument()

"""Traces and metrics of all calls, with what they really cost, through OpenTelemetry: the extra `otel`.

Importing it imports OpenTelemetry's API; nothing else of this package does.
"""

try:
    from .instrumentor import OpenRouterInstrumentor
except ModuleNotFoundError as error:
    if not (error.name or "").startswith("opentelemetry"):
        raise
    raise ModuleNotFoundError(
        'Traces need OpenTelemetry: pip install "glm-openrouter[otel]"', name=error.name
    ) from None

__all__ = ["OpenRouterInstrumentor"]

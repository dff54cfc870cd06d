"""LangChain's tracer for LangSmith, with what each call has cost."""

from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.tracers import LangChainTracer
from langchain_core.tracers.schemas import Run

__all__ = ["CostTracer"]


class CostTracer(LangChainTracer):
    """Traces to LangSmith, with the USD that OpenRouter has charged for each call.

    LangSmith reads a cost from the usage of a run, and else looks for the model in a table of prices. LangChain adds up
    what is in the usage of messages, and fails at amounts that are no integers, so messages do not have it. This adds
    it to what is sent, and to nothing else. It takes the place of the tracer that `LANGSMITH_TRACING` brings:

    ```python
    from langchain_glm import ChatGLM, CostTracer

    model = ChatGLM()
    model.invoke("Why is the sky blue?", config={"callbacks": [CostTracer()]})
    ```

    It takes the arguments of `LangChainTracer`. Models of other packages are traced as ever.
    """

    @staticmethod
    def _update_run_single(run: Run) -> None:
        _add_costs(run)
        LangChainTracer._update_run_single(run)


def _add_costs(run: Run) -> None:
    """Add the cost to the usage of a run, where LangSmith looks for it; a run has one generation."""
    metadata = run.extra.setdefault("metadata", {})
    for generation in _generations(run):
        message = _kwargs_of(generation)
        facts = message.get("response_metadata") or generation.get("generation_info") or {}
        usage = message.get("usage_metadata") or facts.get("usage_metadata") or {}
        cost = facts.get("cost")
        is_ours = facts.get("model_provider") == "openrouter"
        # LangChain says itself that what comes from its cache costs nothing.
        if not is_ours or not isinstance(cost, int | float) or "total_cost" in usage:
            continue
        usage = {**usage, "total_cost": cost}
        metadata["usage_metadata"] = usage
        if "usage_metadata" in message:
            message["usage_metadata"] = usage


def _generations(run: Run) -> Iterator[dict[str, Any]]:
    for batch in (run.outputs or {}).get("generations") or ():
        yield from (generation for generation in batch if isinstance(generation, dict))


def _kwargs_of(generation: Mapping[str, Any]) -> dict[str, Any]:
    message = generation.get("message")
    kwargs = message.get("kwargs") if isinstance(message, Mapping) else None
    return kwargs if isinstance(kwargs, dict) else {}

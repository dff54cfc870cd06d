"""`OpenRouterRerank`: nodes are put in the order in which they fit a query."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Unpack

from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]  # LlamaIndex's own packages take it from here
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from pydantic import ConfigDict

from glm_openrouter import InvalidRequestError
from glm_openrouter.retrieval.results import Ranking
from glm_openrouter.retrieval_bases import RerankerBase

from ._connection import Connected

if TYPE_CHECKING:
    from ._arguments import OpenRouterRerankArguments

__all__ = ["OpenRouterRerank"]

_dispatcher = get_dispatcher(__name__)


class OpenRouterRerank(Connected, RerankerBase, BaseNodePostprocessor):
    """Ranks nodes with any model of OpenRouter that can, as a step after retrieval.

    ```python
    from llamaindex_glm import OpenRouterRerank

    reranker = OpenRouterRerank(top_n=3)
    ```

    It goes into a query engine as one of its `node_postprocessors`. An unknown argument is an
    error.

    Raises:
        AuthenticationError: There is no API key.
        pydantic.ValidationError: An argument is unknown or makes no sense.
    """

    model_config = ConfigDict(defer_build=False)  # the bases say the rest

    if TYPE_CHECKING:

        def __init__(self, **arguments: Unpack[OpenRouterRerankArguments]) -> None: ...

    @classmethod
    def class_name(cls) -> str:
        """Return the name under which LlamaIndex serialises this class."""
        return "OpenRouterRerank"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        with self._reporting(nodes, query_bundle) as step:
            step.ranking = self._rank(step.query, step.texts)
        return step.best

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        with self._reporting(nodes, query_bundle) as step:
            step.ranking = await self._arank(step.query, step.texts)
        return step.best

    @contextmanager
    def _reporting(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None
    ) -> Iterator["_Step"]:
        """Tell LlamaIndex's handlers of a step that is about to be taken, and of its end."""
        step = _Step(nodes, query_bundle)
        top_n = self.top_n or len(step.nodes)
        _dispatcher.event(
            ReRankStartEvent(query=query_bundle, nodes=nodes, top_n=top_n, model_name=self.model)
        )
        payload: dict[str, Any] = {
            EventPayload.NODES: nodes,
            EventPayload.MODEL_NAME: self.model,
            EventPayload.QUERY_STR: step.query,
            EventPayload.TOP_K: top_n,
        }
        with self.callback_manager.event(CBEventType.RERANKING, payload=payload) as event:
            yield step
            event.on_end(payload={EventPayload.NODES: step.best})
        _dispatcher.event(ReRankEndEvent(nodes=step.best))


class _Step:
    """Nodes that are put in an order; those without text cannot be ranked, and are left out."""

    def __init__(self, nodes: Sequence[NodeWithScore], query_bundle: QueryBundle | None) -> None:
        if query_bundle is None:
            raise InvalidRequestError(
                "There is no order without a query: pass query_str or query_bundle."
            )
        self.query = query_bundle.query_str
        texts = [node.node.get_content(metadata_mode=MetadataMode.EMBED) for node in nodes]
        readable = [(node, text) for node, text in zip(nodes, texts, strict=True) if text.strip()]
        self.nodes = [node for node, _ in readable]
        self.texts = [text for _, text in readable]
        self.ranking = Ranking([])

    @property
    def best(self) -> list[NodeWithScore]:
        """The best nodes, with their new scores."""
        return [
            NodeWithScore(node=self.nodes[found.index].node, score=found.score)
            for found in self.ranking.documents
        ]

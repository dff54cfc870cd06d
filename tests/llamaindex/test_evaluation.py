"""Rerankers and evaluators of LlamaIndex, which read a form of words from what the model says.

GLM begins many an answer with an empty line, on which some of them would fail.
"""

from typing import Any

import pytest
from llama_index.core.evaluation import (
    CorrectnessEvaluator,
    FaithfulnessEvaluator,
    PairwiseComparisonEvaluator,
    RelevancyEvaluator,
)
from llama_index.core.postprocessor import LLMRerank, StructuredLLMRerank
from llama_index.core.postprocessor.rankGPT_rerank import RankGPTRerank
from llama_index.core.schema import NodeWithScore, TextNode

from glm_openrouter.testing import Reply, json_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from support.llamaindex_models import llm_for
from support.wire import response_body

NODES = [NodeWithScore(node=TextNode(text=text), score=0.5) for text in ("Coffee.", "Tea.")]


def said(text: str) -> Reply:
    return json_reply(response_body({"content": f"\n{text}", "reasoning": "Hm."}))


RERANKERS: dict[Any, str] = {
    LLMRerank: "Doc: 2, Relevance: 9\nDoc: 1, Relevance: 1",
    StructuredLLMRerank: '{"documents": [{"document_number": 2, "relevance": 9}]}',
    RankGPTRerank: "[2] > [1]",
}


@pytest.mark.parametrize("kind", RERANKERS)
def test_a_reranker_puts_the_best_first(scripted_openrouter: StartScript, kind: Any) -> None:
    reranker = kind(llm=llm_for(scripted_openrouter(said(RERANKERS[kind]))), top_n=1)
    (best,) = reranker.postprocess_nodes(NODES, query_str="What is drunk in China?")
    assert best.text == "Tea."


EVALUATORS: dict[Any, tuple[str, float]] = {
    FaithfulnessEvaluator: ("YES", 1.0),
    RelevancyEvaluator: ("YES", 1.0),
    CorrectnessEvaluator: ("4.5\nAlmost all is said.", 4.5),
    PairwiseComparisonEvaluator: ("The first one is right. [[A]]", 1.0),
}


@pytest.mark.parametrize("kind", EVALUATORS)
async def test_an_evaluator_reads_the_verdict(scripted_openrouter: StartScript, kind: Any) -> None:
    verdict, score = EVALUATORS[kind]
    pairwise = kind is PairwiseComparisonEvaluator
    evaluator = kind(
        llm=llm_for(scripted_openrouter(said(verdict))),
        **({"enforce_consensus": False} if pairwise else {}),
    )
    result = await evaluator.aevaluate(
        query="What is drunk in China?",
        response="Tea.",
        contexts=["Tea."],
        **({"second_response": "Coffee."} if pairwise else {}),
    )
    assert (result.passing, result.score) == (True, score)

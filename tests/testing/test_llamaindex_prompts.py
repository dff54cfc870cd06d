"""LlamaIndex's own prompts, as its classes send them, and the rules that read them."""

import pytest
import sqlalchemy as sa
from llama_index.core import MockEmbedding, SQLDatabase
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.evaluation import (
    AnswerRelevancyEvaluator,
    ContextRelevancyEvaluator,
    CorrectnessEvaluator,
    FaithfulnessEvaluator,
    PairwiseComparisonEvaluator,
    RelevancyEvaluator,
)
from llama_index.core.extractors import KeywordExtractor
from llama_index.core.graph_stores import SimplePropertyGraphStore
from llama_index.core.indices.property_graph import (
    DynamicLLMPathExtractor,
    LLMSynonymRetriever,
    SimpleLLMPathExtractor,
)
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer, FactExtractionMemoryBlock, Memory
from llama_index.core.postprocessor import LLMRerank
from llama_index.core.prompts.default_prompts import (
    DEFAULT_KEYWORD_EXTRACT_TEMPLATE,
    DEFAULT_QUERY_KEYWORD_EXTRACT_TEMPLATE,
)
from llama_index.core.query_engine import NLSQLTableQueryEngine
from llama_index.core.schema import NodeWithScore, TextNode
from sqlalchemy.ext.asyncio import create_async_engine

from llamaindex_glm import GLM

HARBOURS = [
    "The lighthouse of Skagen was built in 1858.",
    "Kirsten Harbour moved to Bergen in 1902.",
    "Boats are painted blue on the island.",
]
QUESTION = "When did Kirsten Harbour move to Bergen?"
RIGHT = "Kirsten Harbour moved to Bergen in 1902."
MIXED = "Kirsten Harbour moved to Bergen in 1858."
WRONG = "Owls sleep by day."


@pytest.fixture
def llm(server):
    return GLM(api_key="sk-or-v1-of-a-test", api_base=server.base_url)


def nodes():
    return [TextNode(text=text) for text in HARBOURS]


# Rank and judge


def test_a_reranker_gets_the_documents_that_fit(llm):
    found = [NodeWithScore(node=node) for node in nodes()]
    ranked = LLMRerank(llm=llm, top_n=2).postprocess_nodes(found, query_str=QUESTION)

    assert [node.text for node in ranked] == [RIGHT]


def test_a_reranker_gets_nothing_where_nothing_fits(llm):
    found = [NodeWithScore(node=node) for node in nodes()]

    assert LLMRerank(llm=llm).postprocess_nodes(found, query_str="Who bakes bread?") == []


@pytest.mark.parametrize(
    ("response", "passing"),
    [(RIGHT, True), (f"{RIGHT[:-1]} [2].", True), (MIXED, False), (WRONG, False), ("", False)],
    ids=["right", "cited", "mixed up", "wrong", "empty"],
)
def test_what_the_context_says_is_faithful(llm, response, passing):
    verdict = FaithfulnessEvaluator(llm=llm).evaluate(
        query=QUESTION, response=response, contexts=HARBOURS
    )
    assert verdict.passing is passing


@pytest.mark.parametrize(
    ("earlier", "response", "verdict"),
    [("NO", RIGHT, "YES"), ("NO", WRONG, "NO"), ("YES", WRONG, "YES")],
)
@pytest.mark.parametrize("evaluator", [FaithfulnessEvaluator, RelevancyEvaluator])
def test_a_verdict_is_refined_with_more_context(llm, evaluator, earlier, response, verdict):
    asked = response
    if evaluator is RelevancyEvaluator:
        asked = f"Question: {QUESTION}\nResponse: {response}"
    template = evaluator(llm=llm)._refine_template
    context = "\n\n".join(HARBOURS)

    refined = llm.predict(template, query_str=asked, existing_answer=earlier, context_msg=context)
    assert refined == verdict


@pytest.mark.parametrize(("response", "passing"), [(RIGHT, True), (WRONG, False)])
def test_what_the_context_says_is_relevant(llm, response, passing):
    verdict = RelevancyEvaluator(llm=llm).evaluate(
        query=QUESTION, response=response, contexts=HARBOURS
    )
    assert verdict.passing is passing


@pytest.mark.parametrize(
    ("response", "score"), [(RIGHT, 5.0), ("He moved to Bergen.", 3.0), (WRONG, 1.0)]
)
def test_an_answer_is_scored_by_the_reference(llm, response, score):
    verdict = CorrectnessEvaluator(llm=llm).evaluate(
        query=QUESTION, response=response, reference="Bergen, 1902."
    )
    assert verdict.score == score
    assert verdict.feedback


@pytest.mark.parametrize(("contexts", "score"), [(HARBOURS, 1.0), ([WRONG], 0.0)])
def test_a_context_is_scored_by_the_question(llm, contexts, score):
    verdict = ContextRelevancyEvaluator(llm=llm).evaluate(query=QUESTION, contexts=contexts)

    assert verdict.score == score


@pytest.mark.parametrize(("response", "score"), [(RIGHT, 1.0), (WRONG, 0.0)])
def test_an_answer_is_scored_by_the_question(llm, response, score):
    verdict = AnswerRelevancyEvaluator(llm=llm).evaluate(query=QUESTION, response=response)

    assert verdict.score == score


@pytest.mark.parametrize(
    ("first", "second", "score"),
    [(RIGHT, WRONG, 1.0), (WRONG, RIGHT, 0.0), (RIGHT, RIGHT, 0.5)],
    ids=["first", "second", "tie"],
)
def test_the_better_of_two_answers_wins(llm, first, second, score):
    verdict = PairwiseComparisonEvaluator(llm=llm).evaluate(
        query=QUESTION, response=first, second_response=second, reference="In 1902."
    )
    assert verdict.score == score


# Extract


def test_keywords_are_the_names_and_the_words_that_carry_meaning(llm):
    (found,) = KeywordExtractor(llm=llm, keywords=3).extract([TextNode(text=RIGHT)])

    assert found["excerpt_keywords"] == "Kirsten Harbour, Bergen, moved"


@pytest.mark.parametrize(
    ("template", "field"),
    [
        (DEFAULT_KEYWORD_EXTRACT_TEMPLATE, "text"),
        (DEFAULT_QUERY_KEYWORD_EXTRACT_TEMPLATE, "question"),
    ],
    ids=["text", "question"],
)
def test_keywords_of_an_index_stand_behind_their_label(llm, template, field):
    answer = llm.predict(template, max_keywords=2, **{field: RIGHT})

    assert answer == "KEYWORDS: Kirsten Harbour, Bergen"


def test_synonyms_have_the_separator_that_is_asked_for(llm):
    retriever = LLMSynonymRetriever(SimplePropertyGraphStore(), llm=llm)
    answer = llm.predict(retriever._synonym_prompt, query_str=QUESTION, max_keywords=2)

    assert answer == "Kirsten Harbour^Bergen"


def relations(extractor, text):
    (node,) = extractor([TextNode(text=text)])
    found = node.metadata["relations"]
    return [(each.source_id, each.label, each.target_id) for each in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RIGHT, [("Kirsten harbour", "Moved to", "Bergen"), ("Kirsten harbour", "Moved in", "1902")]),
        ("The lighthouse is white.", [("Lighthouse", "Is", "White")]),
        ("Ada knows Kirsten, of course.", [("Ada", "Knows", "Kirsten"), ("Ada", "Knows of", "Course")]),
        ("Hello!", []),
    ],
    ids=["prepositions", "article", "comma", "nothing"],
)  # fmt: skip
def test_triplets_are_what_the_verb_joins(llm, text, expected):
    assert relations(SimpleLLMPathExtractor(llm=llm), text) == expected


def test_triplets_with_types_are_json(llm):
    found = relations(DynamicLLMPathExtractor(llm=llm), RIGHT)

    assert ("Kirsten Harbour", "moved to", "Bergen") in found


@pytest.fixture
def cities(llm):
    """A query engine over one table."""
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    with engine.begin() as connection:
        connection.execute(
            sa.text("create table cities (name varchar, population integer, country varchar)")
        )
        rows = "('Paris', 2100000, 'France'), ('Lyon', 500000, 'France'), ('L''Aquila', 70000, 'Italy')"
        connection.execute(sa.text(f"insert into cities values {rows}"))
    yield NLSQLTableQueryEngine(
        SQLDatabase(engine), tables=["cities"], llm=llm, embed_model=MockEmbedding(8)
    )
    engine.dispose()


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        ("What is the population of Paris?", [(2_100_000,)]),
        ("How many cities are there?", [(3,)]),
        ("How many cities are in France?", [(2,)]),
        ("Which city has the highest population?", [("Paris",)]),
        ("Which city in France has the lowest population?", [("Lyon",)]),
        ("Which cities are in France?", [("Paris",), ("Lyon",)]),
        ("What is the average population?", [(890_000,)]),
        ("What is the population of 'L'Aquila'?", [(70_000,)]),
    ],
)
def test_a_question_about_a_table_becomes_sql(cities, question, rows):
    response = cities.query(question)

    assert response.metadata["result"] == rows
    assert str(rows[0][0]).removesuffix(".0") in str(response)


async def test_facts_are_what_the_user_stated(llm):
    block = FactExtractionMemoryBlock(llm=llm)
    await block.aput(
        [
            ChatMessage("My name is Kirsten. How are you?", role="user"),
            ChatMessage("Very well.", role="assistant"),
            ChatMessage("I live in Bergen.", role="user"),
        ]
    )
    assert block.facts == ["My name is Kirsten.", "I live in Bergen."]

    await block.aput([ChatMessage("My name is Kirsten. I keep owls.", role="user")])
    assert block.facts[2:] == ["I keep owls."]


async def test_too_many_facts_become_fewer(llm):
    block = FactExtractionMemoryBlock(llm=llm, max_facts=3)
    told = [f"I have been to harbour {number}." for number in range(5)]
    await block.aput([ChatMessage(" ".join(told), role="user")])

    assert block.facts == told[-2:]


# Remember


def test_a_chat_engine_is_told_what_was_said_before(llm):
    # Its own default memory leaves a database open.
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    engine = SimpleChatEngine.from_defaults(llm=llm, memory=memory)
    said = ["Hello, I'm Kirsten Harbour. How are you?", "I live in Bergen.", "What is my name?"]
    asked = [*said, "What did I just ask?", "Tell me where I live.", "What did you say?"]
    answers = [engine.chat(text).response for text in asked]

    assert answers[2:] == [
        "Your name is Kirsten Harbour.",
        'You said: "What is my name?"',
        'You told me: "I live in Bergen."',
        'I said: "You told me: "I live in Bergen.""',
    ]


@pytest.fixture
async def database():
    engine = create_async_engine("sqlite+aiosqlite://")
    yield engine
    await engine.dispose()


async def test_a_memory_of_earlier_conversations_counts(llm, database):
    block = FactExtractionMemoryBlock(llm=llm, facts=["My name is Kirsten."], priority=0)
    memory = Memory.from_defaults(memory_blocks=[block], async_engine=database)
    await memory.aput(ChatMessage("What is my name?", role="user"))

    assert llm.chat(await memory.aget()).message.content == "Your name is Kirsten."
    assert llm.chat([*await memory.aget(), ChatMessage("Hello")]).message.content.startswith(
        "Hello"
    )

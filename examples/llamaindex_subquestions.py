"""LlamaIndex: a question that is split over several query engines."""

from llama_index.core import Document, SummaryIndex
from llama_index.core.query_engine import SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.tools import QueryEngineTool

from llamaindex_glm import GLM

NOTES = {
    "tea": "Tea came to Lisbon in 1610. It was sold there by apothecaries.",
    "coffee": "Coffee houses opened in Vienna in 1685. They served it with water.",
}


def main() -> None:
    llm = GLM()
    tools = [
        QueryEngineTool.from_defaults(
            SummaryIndex.from_documents([Document(text=text)]).as_query_engine(llm=llm),
            name=name,
            description=f"The history of {name}",
        )
        for name, text in NOTES.items()
    ]
    engine = SubQuestionQueryEngine.from_defaults(
        tools,
        llm=llm,
        question_gen=LLMQuestionGenerator.from_defaults(llm=llm),
        verbose=False,
    )
    question = "When did tea come to Lisbon and when did coffee houses open in Vienna?"
    response = engine.query(question)
    for source in response.source_nodes:
        print(source.text, end="\n\n")
    print(response)


if __name__ == "__main__":
    main()

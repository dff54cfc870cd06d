"""Ray and LangChain: a chain answers each row of a dataset. RAY_ADDRESS=head:6379 runs it on a cluster."""

import ray
from langchain_core.prompts import ChatPromptTemplate

from glm_openrouter.ray import ask
from langchain_glm import ChatGLM

QUESTIONS = [
    "Why is the sky blue at noon and red in the evening?",
    "Why does bread rise?",
    "How do bees find their way home?",
]


def main() -> None:
    ray.init()
    questions = ray.data.from_items(
        [{"id": number, "question": text} for number, text in enumerate(QUESTIONS)]
    )
    prompt = ChatPromptTemplate.from_template("Answer in one sentence. {question}")
    chain = prompt | ChatGLM(temperature=0.6, pickle_secrets=False)
    for row in ask(questions, chain, in_flight=64).take_all():
        print(f"{row['question']}\n{row['answer'] or row['error']}\n")


if __name__ == "__main__":
    main()

"""Ray and LangChain: structured output becomes columns, and what it cost is one of them."""

import ray
from langchain_core.prompts import ChatPromptTemplate
from pydantic import BaseModel, Field

from glm_openrouter.ray import ask
from langchain_glm import ChatGLM

TEXTS = [
    "Ada Lovelace is 36 years old and lives in London.",
    "Grace Hopper is 85 years old and lives in Arlington.",
]


class Person(BaseModel):
    """A person that a text speaks of."""

    name: str = Field(description="First and last name")
    age: int = Field(description="Age in years")
    city: str = Field(description="The city the person lives in")


def main() -> None:
    ray.init()
    texts = ray.data.from_items([{"id": number, "text": text} for number, text in enumerate(TEXTS)])
    model = ChatGLM(pickle_secrets=False).with_structured_output(Person)
    people = ask(texts, ChatPromptTemplate.from_template("Who is this? {text}") | model)
    for row in people.take_all():
        print(f"{row['answer']}  {row['cost']:.6f} USD")


if __name__ == "__main__":
    main()

"""LangChain: an answer as a pydantic object."""

from pydantic import BaseModel, Field

from langchain_glm import ChatGLM


class Person(BaseModel):
    """A person that a text speaks of."""

    name: str = Field(description="First and last name")
    age: int = Field(description="Age in years")
    city: str = Field(description="The city the person lives in")


def main() -> None:
    model = ChatGLM().with_structured_output(Person)
    person = model.invoke("Who is this? Ada Lovelace is 36 years old and lives in London.")
    print(repr(person))


if __name__ == "__main__":
    main()

"""What to say when there is nothing to look up: sums, echoes, memories, a few sentences."""

import ast
import math
import operator
import re
from collections.abc import Callable
from typing import Final

from glm_openrouter.testing._answers.prompt import Prompt

from . import extract
from .labels import last_block
from .passages import best_sentences
from .words import sentences

__all__ = ["chatter"]

_GREETING: Final = re.compile(
    r"^\W*(?:hello|hi|hey|greetings|good (?:morning|afternoon|evening))\b", re.I
)
_SAY: Final = re.compile(
    r"\b(?:say|repeat|reply with|respond with|answer with|echo)\s+"
    r"(?:exactly\s+|only\s+|just\s+|the word\s+)*[:\"'“]?\s*(.+)",
    re.IGNORECASE | re.DOTALL,
)
_COUNT: Final = re.compile(r"\bcount\b.*?(?:from\s+(\d+)\s+)?(?:up\s+)?to\s+(\d+)", re.IGNORECASE)
_TRANSLATE: Final = re.compile(r"\btranslat", re.IGNORECASE)
_LANGUAGE: Final = re.compile(r"\b(?:in|to|into)\s+([A-Z][a-z]+)\b")
_FOLLOW_UP: Final = re.compile(
    r"follow[- ]?up (?:input|message|question)[:>]\s*(.+?)\s*<?standalone question",
    re.IGNORECASE | re.DOTALL,
)
_SAID_BEFORE: Final = re.compile(
    r"^\s*(?:user|human)\s*:\s*(.+?)\??$", re.IGNORECASE | re.MULTILINE
)
_ABOUT_ME: Final = re.compile(r"\b(?:my|i|me|we|our|earlier|before)\b", re.IGNORECASE)
_REMINDER: Final = re.compile(r"^\s*(?:please )?(?:tell|remind)\b", re.IGNORECASE)
_WHO_SAID: Final = re.compile(
    r"\bwhat (?:did|have) (?P<who>i|you) (?:just )?(?:ask|asked|say|said|answer|answered)\b",
    re.IGNORECASE,
)
_NAME_QUESTION: Final = re.compile(r"\bmy name\b|\bwho am i\b", re.IGNORECASE)
_INTRODUCTION: Final = re.compile(
    rf"\b(?:[Mm]y name is|I am|I['\u2019]m|[Cc]all me|[Tt]his is) (?:called )?({extract.NAME_PATTERN})"
)
_TAG: Final = re.compile(r"<[^<>]*>")
_AT_LENGTH: Final = re.compile(
    r"\b(?:story|essay|long|detail(?:ed)?|paragraphs?|explain|describe|article)\b", re.I
)
_LISTING: Final = re.compile(
    r"\b(?:list|name|give(?: me)?|write(?: me)?)\s+(\d+|two|three|four|five|ten)\s+(\w+)", re.I
)
_OPERATORS: Final[dict[type[ast.AST], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,
}
_LONGEST_COUNT: Final = 5000
_LONGEST_SUM: Final = 200


def chatter(prompt: Prompt) -> str:
    """Return a short answer that reflects what was asked."""
    text = prompt.user_text.strip()
    for rule in (_rephrase, _remember, _translate, _count, _calculate, _echo, _list, _greet):
        if answer := rule(text, prompt):
            return answer
    return _talk(text)


def _rephrase(text: str, _: Prompt) -> str | None:
    """Join a follow-up question to the one before, unless it names what it is about."""
    follow_up, before = _FOLLOW_UP.search(text), _SAID_BEFORE.findall(text)
    if not (follow_up and before):
        return None
    question = follow_up[1].strip()
    if extract.names(question):
        return question
    return f"{before[-1]}, {question[:1].lower()}{question[1:]}"


def _remember(text: str, prompt: Prompt) -> str | None:
    """Quote what was said earlier, if the question is about that."""
    if asked := _WHO_SAID.search(text):
        return _quote_last("assistant" if asked["who"].lower() == "you" else "user", prompt)
    if not (text.endswith("?") or _REMINDER.match(text)) or not _ABOUT_ME.search(text):
        return None
    stated = _stated(prompt)
    if _NAME_QUESTION.search(text):
        for sentence in reversed(stated):
            if introduction := _INTRODUCTION.search(sentence):
                return f"Your name is {introduction[1]}."
    found = best_sentences(text.lower(), "\n".join(stated), most=1)
    return f'You told me: "{found[0]}"' if found else None


def _quote_last(role: str, prompt: Prompt) -> str | None:
    said = [text for m in prompt.earlier_messages if m.role == role and (text := m.text.strip())]
    who = "I" if role == "assistant" else "You"
    return f'{who} said: "{said[-1]}"' if said else None


def _stated(prompt: Prompt) -> list[str]:
    """Return what users said in this conversation, and what a memory knows of earlier ones."""
    said = [message.text for message in prompt.earlier_messages if message.role == "user"]
    remembered = _TAG.sub("\n", last_block(prompt.system_text, "<memory>", "</memory>"))
    parts = [part for text in [remembered, *said] for part in sentences(text)]
    return [part for part in parts if not part.endswith("?")]


def _translate(text: str, prompt: Prompt) -> str | None:
    """Say which language it would be; the rules know only one."""
    asks_here = _TRANSLATE.search(text)
    if not (asks_here or _TRANSLATE.search(prompt.system_text)):
        return None
    language = _LANGUAGE.findall(text if asks_here else prompt.system_text)
    quoted = extract.quotations(text)
    words = quoted[0] if quoted else text.partition(":")[2].strip() if asks_here else text
    return f'In {language[-1]} that is: "{words}"' if language and words else None


def _count(text: str, _: Prompt) -> str | None:
    match = _COUNT.search(text)
    if not match:
        return None
    first, last = int(match[1] or 1), int(match[2])
    return ", ".join(str(number) for number in range(first, min(last, first + _LONGEST_COUNT) + 1))


def _calculate(text: str, _: Prompt) -> str | None:
    found = extract.expressions(text)
    if not found or len(found[0]) > _LONGEST_SUM:
        return None
    written = found[0]
    python = re.sub(r"[\u00d7x]", "*", written).replace("÷", "/").replace("^", "**")
    try:
        value = _evaluate(ast.parse(python, mode="eval").body)
    except (SyntaxError, ValueError, ArithmeticError):
        return None
    is_whole = isinstance(value, int) or value.is_integer()
    shown = int(value) if is_whole else round(value, 6)
    return f"{written} = {shown}"


def _evaluate(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand)
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _OPERATORS:
            return _OPERATORS[type(operation)](_evaluate(left), _evaluate(right))
        case _:
            raise ValueError("not a sum")


def _echo(text: str, _: Prompt) -> str | None:
    match = _SAY.search(text)
    if not match or text.endswith("?"):
        return None
    language = _LANGUAGE.search(match[1])
    words = match[1][: language.start()] if language else match[1]
    words = words.strip(" \"'”“.\n")
    return f'In {language[1]} one would say: "{words}".' if language else words or None


def _list(text: str, _: Prompt) -> str | None:
    match = _LISTING.search(text)
    if not match:
        return None
    rest = re.split(r"[.!?\n]", text[match.end() :])[0]
    number = int((extract.numbers(match[1]) or [3])[0])
    subject = extract.topic(rest) if rest.strip() else match[2]
    things = match[2].removesuffix("s")
    return "\n".join(f"{at}. {things.capitalize()} {at}: {subject}." for at in range(1, number + 1))


def _greet(text: str, _: Prompt) -> str | None:
    if not _GREETING.match(text) or len(text.split()) > 8:
        return None
    return "Hello! It is good to hear from you. How can I help you today?"


def _talk(text: str) -> str:
    subject = extract.topic(text)
    first = sentences(text)[0] if sentences(text) else text
    asked = first if first.endswith(("?", "!", ".")) else f"{first}."
    parts = [f"You asked: {asked}" if first else "I am here to help."]
    parts += [
        f"Here is what I can say about {subject}.",
        f"The main thing about {subject} is to begin with what is known and go on from there.",
    ]
    if _AT_LENGTH.search(text):
        parts += [
            f"At first there was only {subject}, and nobody thought much of it.",
            "Then, little by little, one small step led to the next.",
            f"Those who looked closely found that {subject} had more sides than one.",
            "Some of it was simple, some of it was hard, and all of it took time.",
            f"In the end {subject} was understood a little better than before.",
        ]
    return " ".join([*parts, "Let me know if you would like to hear more."])

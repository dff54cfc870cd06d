"""Find a question and a body of text in a prompt, and answer by quoting what fits."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from glm_openrouter.testing._answers.prompt import Prompt

from .extract import names
from .words import STOP_WORDS, content_stems, sentences

__all__ = [
    "Passage",
    "answer_from",
    "best_sentences",
    "find_passage",
    "find_question",
    "readable",
]

_RULE: Final = re.compile(r"^[ \t]*(?:-{3,}|={3,}|#{3,}|\*{3,}|\"{3}|`{3}\w*)[ \t]*$", re.MULTILINE)
_CLOSING_TAG: Final = re.compile(r"</([A-Za-z][\w-]*)>")
_BODY_AND_NEXT_LABEL: Final = (
    r"[ \t]*(?P<body>.+?)"
    r"(?=^[ \t#*]*(?:user )?(?:question|query|original answer|answer|instruction|task)\b"
    r"[^:\n]*:|\Z)"
)
_CONTEXT_LABELS: Final = tuple(
    re.compile(label + _BODY_AND_NEXT_LABEL, re.IGNORECASE | re.DOTALL | re.MULTILINE)
    for label in (
        r"^[ \t#*]*(?:article|text"
        r"|(?:\w+ )?(?:context(?: information)?|documents?|passages?|sources?))[ \t*]*:",
        r"\b(?:context|documents|passages|excerpts|sources)[ \t*]*:",
    )
)
_QUESTION_LABEL: Final = re.compile(
    r"^[ \t#*]*(?:the original query is as follows|(?:user |original )?(?:question|query))"
    r"[ \t*]*:[ \t]*(.+)$",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED_QUESTION: Final = re.compile(
    r"(?:question|query)\s*:?\s*['\"](.+?)['\"]\s*$", re.I | re.MULTILINE
)
_EARLIER_ANSWER: Final = re.compile(
    r"(?:existing answer|original answer)\s*:\s*(.+?)"
    r"(?=\n(?:We have the opportunity|New Answer|Refined Answer)|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_ANNOUNCES_CONTEXT: Final = re.compile(
    r"\b(?:context|documents?|passages?|excerpts?|sources"
    r"|following (?:text|information|article))\b",
    re.I,
)
_SUMMARY: Final = re.compile(r"\bsummar", re.IGNORECASE)
_METADATA: Final = re.compile(r"^(?:[a-z][\w ]*: \S+|[a-z]\w*_\w+: .+)$")
_SOURCE: Final = re.compile(r"^(?:Source|Document) (\d+):$", re.MULTILINE)
_HEADING: Final = re.compile(r"^#{1,6}\s|^\[.+\]$|^[\w ]+:$")
_ANSWER_LABEL: Final = re.compile(r"^(?:Response|Answer):\s*")
_ASKS_TO_CITE: Final = re.compile(r"\bcit(?:e|ing|ations?)\b", re.IGNORECASE)
_UNKNOWN: Final = "I don't know: the information I was given does not say."
_SHORTEST: Final = 20
"""Shorter text between two rules or tags is a label, not a body of text."""


@dataclass(frozen=True)
class Passage:
    """A body of text, what is asked about it, and an answer that is to be refined."""

    body: str
    question: str
    earlier_answer: str = ""
    is_to_cite: bool = False
    """Whether the answer says the number of the source for each sentence."""


def find_passage(prompt: Prompt) -> Passage | None:
    """Return the text a prompt wants its answer from, or None."""
    body = _find_body(prompt.user_text)
    if body:
        rest = prompt.user_text.replace(body, "\n")
        earlier = _EARLIER_ANSWER.search(rest)
        cites = bool(_ASKS_TO_CITE.search(rest))
        return Passage(body, find_question(rest), earlier[1].strip() if earlier else "", cites)
    system = _without_memory(prompt.system_text)
    body = _find_body(system) or _announced_body(system)
    if not body:
        return None
    cites = bool(_ASKS_TO_CITE.search(system.replace(body, "\n")))
    return Passage(body, find_question(prompt.user_text), is_to_cite=cites)


def _without_memory(system: str) -> str:
    """Return a system prompt without what a memory has added: it is about the user, and seldom what is asked about."""
    before, _, rest = system.partition("<memory>")
    return before + rest.partition("</memory>")[2]


def _find_body(text: str) -> str:
    """Return the text inside tags, between rules or after a label, whichever is found first."""
    tagged = _tagged_bodies(text)
    if any(len(body) >= _SHORTEST for body in tagged):
        return "\n".join(tagged)
    rules = list(_RULE.finditer(text))
    if len(rules) >= 2:
        between = text[rules[0].end() : rules[-1].start()].strip()
        if len(between) >= _SHORTEST and _ANNOUNCES_CONTEXT.search(text):
            return between
    for label in _CONTEXT_LABELS:
        labelled = label.search(text)
        if labelled and len(labelled["body"].strip()) >= _SHORTEST:
            return labelled["body"].strip()
    if _SUMMARY.search(text[:200]):
        return text.partition("\n")[2].strip()
    return ""


def _tagged_bodies(text: str) -> list[str]:
    """Return what stands between tags, outermost first; a tag that is never closed is no tag."""
    found = [
        match
        for name in set(_CLOSING_TAG.findall(text))
        for match in re.finditer(rf"<{name}(?:\s[^<>]*)?>(.*?)</{name}>", text, re.DOTALL)
    ]
    bodies, end = [], 0
    for match in sorted(found, key=lambda match: match.start()):
        if match.start() >= end:
            bodies.append(match[1].strip())
            end = match.end()
    return bodies


def _announced_body(system: str) -> str:
    """Return what follows the sentence of a system prompt that speaks of context."""
    head, _, rest = system.partition("\n")
    if not rest.strip() or not _ANNOUNCES_CONTEXT.search(head):
        return ""
    return rest.strip()


def find_question(text: str) -> str:
    """Return the question in a text, by its label or its question mark; else the text."""
    for pattern in (_QUESTION_LABEL, _QUOTED_QUESTION):
        if found := pattern.findall(text):
            return str(found[-1]).strip()
    if _SUMMARY.search(text):
        return ""
    asked = [sentence for sentence in sentences(text) if sentence.endswith("?")]
    return asked[-1] if asked else text.strip()


def answer_from(passage: Passage) -> str:
    """Answer with the sentences that fit the question; say so if none does."""
    if not passage.question:
        return " ".join(readable(passage.body)[:3])
    found = best_sentences(passage.question, passage.body)
    earlier = passage.earlier_answer
    if not found:
        return earlier or _UNKNOWN
    if earlier == _UNKNOWN:
        earlier = ""
    if passage.is_to_cite:
        found = [_cited(sentence, passage.body) for sentence in found]
    fresh = [sentence for sentence in found if sentence not in earlier]
    return " ".join([earlier, *fresh]).strip()


def _cited(sentence: str, body: str) -> str:
    """Return a sentence with the number of the source that it stands in."""
    headings = _SOURCE.findall(body[: body.find(sentence)])
    return f"{sentence.rstrip('.')} [{headings[-1]}]." if headings else sentence


def best_sentences(question: str, body: str, *, most: int = 2) -> list[str]:
    """Return the sentences of `body` that share the rarest words with `question`, in order."""
    candidates = readable(body)
    wanted = content_stems(question)
    if not _names_are_known(question, body):
        return []
    bags = [content_stems(sentence) for sentence in candidates]
    spread = Counter(word for bag in bags for word in bag)
    scores = [sum(1 / spread[word] for word in wanted & bag) for bag in bags]
    top = max(scores, default=0.0)
    if not top:
        return []
    ranked = sorted(range(len(scores)), key=lambda at: (-scores[at], at))
    chosen = sorted(at for at in ranked[:most] if scores[at] >= top * 0.5)
    return list(dict.fromkeys(candidates[at] for at in chosen))


def _names_are_known(question: str, body: str) -> bool:
    """Return whether the text speaks of anyone the question names; if not, it cannot answer it."""
    named = content_stems(" ".join(names(_without_opening(question))))
    return not named or bool(named & content_stems(body))


def _without_opening(question: str) -> str:
    first, _, rest = question.strip().partition(" ")
    return rest if first.lower() in STOP_WORDS or rest else question


def readable(body: str) -> list[str]:
    """Return the sentences of a text that state something, without labels and layout."""
    layout = (_METADATA, _RULE, _HEADING)
    kept = [
        _ANSWER_LABEL.sub("", part)
        for part in sentences(body)
        if not part.endswith("?") and not any(form.match(part) for form in layout)
    ]
    return [sentence for sentence in kept if len(sentence.split()) > 1 or len(sentence) > 8]

"""Judge an answer, in the forms that evaluators ask for: yes or no, a score, the better of two."""

import re
from typing import Final

from glm_openrouter.testing._answers.prompt import Prompt

from .labels import last_block
from .overlap import is_supported, share

__all__ = ["judge"]

_YES_OR_NO: Final = re.compile(r"\bYES ?/ ?NO\b|\bYES or NO\b")
_SCALE: Final = re.compile(r"\bbetween (\d+) and (\d+)\b")
_POINTS: Final = re.compile(r"\bworth (\d+) points?\b")
_CRITERION: Final = re.compile(r"^\d+\. ", re.MULTILINE)
_CITATION: Final = re.compile(r"\[\d+\]")
_UNKNOWN: Final = "I don't know"


def judge(prompt: Prompt) -> str | None:
    """Return a verdict in the form that the prompt asks for; None if it asks for none."""
    text = prompt.user_text
    if _YES_OR_NO.search(text) and "context" in text.lower():
        return _judge_support(text)
    if "[RESULT]" in text:
        return _judge_criteria(text)
    if "## Generated Answer" in text and (scale := _SCALE.search(prompt.system_text)):
        return _score(text, int(scale[1]), int(scale[2]))
    if "[[A]]" in prompt.system_text and "[[B]]" in prompt.system_text:
        return _compare(text)
    return None


def _judge_support(text: str) -> str:
    earlier = last_block(text, "existing YES/NO answer:", "We have the opportunity")
    if earlier:  # a prompt to refine it with more context
        claim = last_block(text, "context information:", "We have provided")
        context = last_block(text.rpartition("------------")[0], "------------")
    else:
        claim = last_block(text, "Information:", "Context:")
        context = last_block(text, "Context:", "\nAnswer:")
    claim = claim or last_block(text, "Response:", "Context:")
    claim = _CITATION.sub("", claim.rpartition("Response:")[2])
    is_true = _UNKNOWN not in claim and is_supported(claim, context)
    return "YES" if earlier.upper().startswith("YES") or is_true else "NO"


def _judge_criteria(text: str) -> str:
    points = _POINTS.search(text)
    most = len(_CRITERION.findall(text)) * int(points[1] if points else 1)
    query = last_block(text, "Query:", "\nContext:", "\nResponse:")
    given = last_block(text, "\nContext:", "\nFeedback:") or last_block(
        text, "\nResponse:", "\nFeedback:"
    )
    fits = share(query, given)
    total = most if fits >= 0.5 else most // 2 if fits else 0
    return f"It has {fits:.0%} of the words of the query.\n[RESULT] {total}"


def _score(text: str, worst: int, best: int) -> str:
    query = last_block(text, "## User Query", "## Reference Answer")
    reference = last_block(text, "## Reference Answer", "## Generated Answer")
    answer = last_block(text, "## Generated Answer")
    compared = query if reference.startswith("(NO REFERENCE") else reference
    score = worst + (best - worst) * share(compared, answer)
    return f"{score:.1f}\nIt has {share(compared, answer):.0%} of the words of what is expected."


def _compare(text: str) -> str:
    expected = last_block(text, "[The Start of Reference]", "[The End of Reference]")
    expected = f"{last_block(text, '[User Question]', '[The Start')}\n{expected}"
    first, second = (
        share(expected, last_block(text, f"[The Start of Assistant {name}", "[The End"))
        for name in "AB"
    )
    verdict = "C" if first == second else "A" if first > second else "B"
    return f"A has {first:.0%}, B {second:.0%} of the words of what is expected. [[{verdict}]]"

"""A small rule-based language model: a prompt in, an answer out, no I/O and no chance.

It calls the tools a prompt asks for, answers from tool results and from context, fills JSON
schemas, and otherwise says something short about what it was asked. The same prompt always gets
the same answer.
"""

from .respond import answer_as_glm, respond

__all__ = ["answer_as_glm", "respond"]

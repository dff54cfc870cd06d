"""What requests for vectors and for an order give back."""

from __future__ import annotations

from array import array

from msgspec import Struct, field

from glm_openrouter.completions import Usage

__all__ = ["Embeddings", "RankedDocument", "Ranking"]


class Embeddings(Struct):
    """The vectors of some texts."""

    vectors: list[array[float]]
    """One for each text, in the order of the texts, all of the same length: `array('f')`, so 4 bytes for each number.

    `vector.tolist()` gives a list of floats, and `numpy.asarray(vector)` an array of `float32` over the same memory.
    """
    model: str | None = None
    """The model that answered."""
    provider: str | None = None
    usage: Usage = field(default_factory=Usage)
    """The sum over all requests; a count, or a cost, that one of them did not report is `None`."""

    @property
    def dimensions(self) -> int:
        """How many numbers each vector has."""
        return len(self.vectors[0])


class RankedDocument(Struct, frozen=True):
    """One document, as far as it was asked about."""

    index: int
    """Its place among the documents that were given, from 0."""
    score: float
    """How well it fits; of most models from 0 to 1, and only comparable for one query."""


class Ranking(Struct):
    """The documents that fit a query best, the best first."""

    documents: list[RankedDocument]
    model: str | None = None
    """The model that answered."""
    provider: str | None = None
    usage: Usage = field(default_factory=Usage)
    """The sum over all requests; a count, or a cost, that one of them did not report is `None`."""

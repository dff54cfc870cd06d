"""One case: drawn from two numbers, run, and made small if it finds something."""

import traceback
from dataclasses import dataclass
from random import Random

from .reduce import reduce
from .targets import TARGETS, Target
from .watch import TooSlow, limited

__all__ = ["Case", "Finding"]

_LEAST = 1.0
"""Seconds of processor time, for the smallest case."""
_PER_BYTE = 20e-6
"""Seconds more."""

_NAMES = list(TARGETS)
_SHARES = [target.share for target in TARGETS.values()]


@dataclass(frozen=True)
class Finding:
    """An invariant that does not hold."""

    case: "Case"
    kind: str
    """The same for all cases that find the same."""
    what: str

    def __str__(self) -> str:
        return f"{self.case.target.name}: {self.kind}\n{self.what}"


@dataclass(frozen=True)
class Case:
    """Something to feed a target with."""

    target: Target
    data: bytes
    chance: int
    """What else is left to chance: options, and how the bytes are cut."""

    @classmethod
    def draw(cls, seed: int, number: int) -> "Case":
        """Return a case of a run, always the same one."""
        rng = Random(seed << 48 | number)
        (name,) = rng.choices(_NAMES, _SHARES)
        return cls(TARGETS[name], TARGETS[name].draw(rng), rng.getrandbits(32))

    def run(self) -> Finding | None:
        """Return what is wrong, if anything is."""
        try:
            with limited(_LEAST + _PER_BYTE * len(self.data)):
                self.target.check(self.data, Random(self.chance))
        except (Exception, TooSlow) as error:  # noqa: BLE001 -- all of them are findings
            return Finding(
                self, self._kind_of(error), "".join(traceback.format_exception(error)[-6:])
            )
        return None

    def reduced(self, kind: str) -> "Case":
        """Return the smallest case that finds the same."""

        def fails(data: bytes) -> bool:
            found = Case(self.target, data, self.chance).run()
            return found is not None and found.kind == kind

        return Case(self.target, reduce(self.data, fails), self.chance)

    def _kind_of(self, error: BaseException) -> str:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if "glm" in frame.filename.rpartition("site-packages")[2]]
        where = f"{ours[-1].filename.rpartition('/')[2]}:{ours[-1].name}" if ours else ""
        message = str(error).partition("\n")[0] if isinstance(error, AssertionError) else where
        return f"{type(error).__name__}: {message[:60]}"

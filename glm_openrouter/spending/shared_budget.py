"""A limit for what several processes may cost together.

Each process leases a slice of the limit from a counter in a Redis, and spends it as it spends a `Budget`. So a call
asks the Redis only when the slice is used up: about a hundred times for the whole limit. It blocks for one round trip
then, less than a millisecond in one data centre; a task of its own would have to hold up other calls as well.
"""

from __future__ import annotations

import math
from contextlib import suppress
from functools import partial
from typing import Any, Final, Self

from glm_openrouter._redis import RedisClients
from glm_openrouter._secrets import redact
from glm_openrouter.errors import BudgetExceededError, InvalidRequestError, StoreError

from .budget import Budget, exceeded
from .estimate import Estimate
from .spend import SpendEntry

__all__ = ["SharedBudget"]

_NANO: Final = 10**9
"""A Redis adds whole numbers exactly."""

_MOST: Final = 2**53
"""Nano-dollars, about nine million dollars; beyond it the numbers of Redis' scripts are not exact."""

_LEASE: Final = """
local leased = tonumber(redis.call('GET', KEYS[1]) or '0')
local own, least, slice, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local left = limit - leased
local granted = 0
if left > 0 and (left >= least or leased <= own) then
    granted = math.min(math.max(least, slice), left)
    redis.call('INCRBY', KEYS[1], string.format('%.0f', granted))
end
return {granted, leased + granted}
"""
"""Leases a slice, and at least what is needed. Who has leased all that is leased gets what is left, however little:
nobody else can want it."""


class SharedBudget(Budget):
    """A `Budget` of several processes, on one machine or many: `with SharedBudget(5, "redis://...", name="labels"):`.

    Each process leases a slice of the limit from a counter in a Redis, spends it as a `Budget` does, and leases the
    next. At the end of its block it gives back what is left. So all together stay within the limit as one `Budget`
    would, and may stop up to a slice for each process before it. A process that dies forfeits the rest of its slice.

    The counter stays: a run that goes on under the same name goes on counting, and a higher limit lets it go on.
    Another name begins at 0. `entries`, `total` and `spent` are those of this process. Copies and pickles are new
    budgets that share the counter; they hold the URL, with its password.

    Args:
        limit: USD, for all processes together.
        url: `redis://...`, `rediss://...` or `unix://...` (extra `redis`).
        name: Which budget it is; the processes that share it give the same one.
        slice: USD that are leased at a time. Default: a hundredth of the limit.
        first_call: As for a `Budget`. Without it, the guess for a first call refuses none while nobody else has leased
            anything.

    Raises:
        InvalidRequestError: An argument makes no sense.
    """

    def __init__(
        self,
        limit: float,
        url: str,
        *,
        name: str,
        slice: float | None = None,
        first_call: float | None = None,
    ) -> None:
        super().__init__(limit, first_call=first_call)
        if not isinstance(name, str) or not name:
            raise InvalidRequestError(f"A shared budget needs a name, got {name!r:.80}.")
        if slice is not None and not (isinstance(slice, int | float) and 0 < slice < math.inf):
            raise InvalidRequestError(f"slice must be an amount in USD, got {slice!r:.40}.")
        if limit * _NANO > _MOST:
            raise InvalidRequestError(f"limit must be less than {_MOST // _NANO:,} USD.")
        self.name = name
        """Which budget it is."""
        self._arguments = (limit, url)
        self._options: dict[str, Any] = {"name": name, "slice": slice, "first_call": first_call}
        self._clients = RedisClients(url)
        self._slice = _to_nano(min(limit, slice or limit / 100))
        self._leased = 0
        """Nano-dollars that this process may spend, with those that it has spent."""
        self._leased_by_all = 0
        """The counter, as it was when this process last saw it."""
        self._open_blocks = 0

    @property
    def remaining(self) -> float:
        """USD that nobody has leased when this process last asked, and what is left of its own slice."""
        unleased = self.limit - self._leased_by_all / _NANO
        return max(0.0, unleased) + max(0.0, self._leased / _NANO - self.spent)

    def __enter__(self) -> Self:
        with self._spend.committed():
            self._open_blocks += 1
        return super().__enter__()

    def __exit__(self, *reason: object) -> None:
        super().__exit__(*reason)
        with self._spend.committed() as committed:
            self._open_blocks -= 1
            if self._open_blocks == 0:
                with suppress(StoreError):  # then it is forfeited, as if the process had died
                    self._give_back(self._leased - _to_nano(committed))

    def __repr__(self) -> str:
        limit, url = self._arguments
        return f"SharedBudget({limit!r}, {redact(url)!r}, name={self.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), **self._options), self._arguments

    def _allowance(self, needed: float) -> float:
        """Return the USD that may be spent here, after leasing what is missing.

        Raises:
            StoreError: The Redis does not answer.
        """
        missing = _to_nano(needed) - self._leased
        if missing > 0:
            self._lease(missing)
        return self._leased / _NANO

    def _lease(self, missing: int) -> None:
        arguments = (self._leased, missing, self._slice, _to_nano(self.limit))
        with self._clients.explaining(f"The shared budget {self.name!r} cannot be read"):
            granted, leased = self._clients.blocking.eval(_LEASE, 1, self._key, *arguments)
        self._leased += int(granted)
        self._leased_by_all = int(leased)

    def _give_back(self, unused: int) -> None:
        """Give back what was leased and not spent, or add what was spent beyond that."""
        if unused:
            with self._clients.explaining(f"The shared budget {self.name!r} cannot be written"):
                self._leased_by_all = int(self._clients.blocking.decrby(self._key, unused))
            self._leased -= unused
        self._clients.close()

    @property
    def _key(self) -> str:
        return f"glm-openrouter:budget:{self.name}"

    def _exceeded(
        self, total: SpendEntry, reserved: float, estimate: Estimate
    ) -> BudgetExceededError:
        by_all = self._leased_by_all / _NANO
        budget = f"The shared budget {self.name!r} of {self.limit:g} USD, of which {by_all:.6f} are spent or leased,"
        return exceeded(budget, self.limit, total, reserved, estimate)


def _to_nano(amount: float) -> int:
    return round(amount * _NANO)

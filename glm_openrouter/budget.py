"""A limit for what a run may cost."""

import math
from dataclasses import dataclass

from .errors import BudgetExceededError, InvalidRequestError
from .spend import Spend
from .types import Completion

__all__ = ["Budget"]

_NANO_DOLLAR = 1e-9
"""USD. Sums of floats are not exact."""


@dataclass
class _History:
    """What the calls of one model have cost, in USD."""

    calls: int = 0
    cost: float = 0.0
    last: float = 0.0

    def add(self, cost: float) -> None:
        self.calls += 1
        self.cost += cost
        self.last = cost

    @property
    def estimate(self) -> float:
        return max(self.last, self.cost / self.calls) if self.calls else 0.0


class Budget(Spend):
    """Stops a run before the call that would make it cost more than a limit: `with Budget(0.50) as budget: ...`.

    It is a `Spend` that can say no. A call is refused with `BudgetExceededError`, before anything is sent, if three
    sums together are over the limit: what has been spent, what is reserved for the calls in flight, and the estimate
    for this one. The estimate is the cost of the last call of the same model, or the average of all of them, whichever
    is more. So calls that run side by side share one limit. What can still go over it is a call that costs more than
    its estimate, and calls that are sent before any has been answered: give `first_call` for those.

    Args:
        limit: USD.
        first_call: USD that a call of a model is estimated at while none of that model has been answered.

    Raises:
        InvalidRequestError: An amount is negative, or not a number.
    """

    def __init__(self, limit: float, *, first_call: float = 0.0) -> None:
        super().__init__()
        for name, amount in (("limit", limit), ("first_call", first_call)):
            if not (isinstance(amount, int | float) and 0 <= amount < math.inf):
                raise InvalidRequestError(f"{name} must be an amount in USD, got {amount!r}.")
        self.limit = limit
        """USD."""
        self._first_call = first_call
        self._histories: dict[str, _History] = {}
        self._reserved: dict[object, tuple[str, float]] = {}
        """The calls in flight, with the model that each asked for and the USD that are reserved for it."""

    @property
    def spent(self) -> float:
        """USD that the responses have cost."""
        return self.total.cost

    @property
    def remaining(self) -> float:
        """USD; what is reserved for calls in flight is not taken off."""
        return max(0.0, self.limit - self.spent)

    def reserve(self, call: object, model: str) -> None:
        """Reserve the estimate for `call`.

        Raises:
            BudgetExceededError: There is not enough left.
        """
        with self._lock:
            spent = self.spent
            history = self._histories.get(model)
            estimate = history.estimate if history else self._first_call
            reserved = sum(amount for _, amount in self._reserved.values())
            if spent >= self.limit or spent + reserved + estimate > self.limit + _NANO_DOLLAR:
                raise _exceeded(self.limit, spent, reserved, estimate)
            self._reserved[call] = model, estimate

    def settle(self, call: object, completion: Completion | None) -> None:
        """Replace what was reserved for `call` by what it cost."""
        with self._lock:
            super().settle(call, completion)
            model, _ = self._reserved.pop(call, ("", 0.0))
            if completion is not None and completion.usage and completion.usage.cost is not None:
                self._histories.setdefault(model, _History()).add(completion.usage.cost)


def _exceeded(limit: float, spent: float, reserved: float, estimate: float) -> BudgetExceededError:
    in_flight = f", {reserved:.6f} are reserved for calls in flight" if reserved else ""
    return BudgetExceededError(
        f"The budget of {limit:g} USD does not cover the next call: {spent:.6f} USD are spent{in_flight}, and the "
        f"call is estimated at {estimate:.6f}. Raise the limit to go on.",
        limit=limit,
        spent=spent,
        estimate=estimate,
    )

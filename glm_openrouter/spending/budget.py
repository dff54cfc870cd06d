"""A limit for what a run may cost."""

import math
from typing import Self

from glm_openrouter.completions import Completion
from glm_openrouter.errors import BudgetExceededError, InvalidRequestError

from .estimate import Estimate
from .ledger import Bill, PlannedCall, close_ledger, open_ledger
from .spend import Spend, SpendEntry

__all__ = ["Budget", "exceeded"]

_NANO_DOLLAR = 1e-9
"""USD. Sums of floats are not exact."""


class Budget:
    """Stops a run before the call that would make it cost more than a limit: `with Budget(0.50) as budget: ...`.

    It has what a `Spend` has, and can say no. A call is refused with `BudgetExceededError`, before anything is sent, if
    three sums together are over the limit: what has been spent, what is reserved for the calls in flight, and the
    estimate for this one. The estimate is the cost of the last call of the same model, or the average of all of them,
    whichever is more. So calls that run side by side share one limit.

    A call that was sent and whose cost does not become known is spent as well, at its estimate: see
    `SpendEntry.unreported`. So the bill can pass the limit only by what calls cost more than their estimates, and by
    one call of a model that nothing is known of.

    Args:
        limit: USD.
        first_call: USD that a call of a model is estimated at while none of that model has told its cost; 0 if calls
            are free. By default this is guessed, from the length of the request, `max_tokens` or 4,096 tokens of
            answer, whichever is less, and the price of GLM 4.6. A guess refuses no call that is alone, only those that
            would run beside others.

    Raises:
        InvalidRequestError: An amount is negative, or not a number.
    """

    def __init__(self, limit: float, *, first_call: float | None = None) -> None:
        for name, amount in (("limit", limit), ("first_call", first_call or 0.0)):
            if not (isinstance(amount, int | float) and 0 <= amount < math.inf):
                raise InvalidRequestError(f"{name} must be an amount in USD, got {amount!r}.")
        self.limit = limit
        """USD."""
        self.log = None
        self._first_call = first_call
        self._spend = Spend()

    @property
    def entries(self) -> dict[tuple[str, str], SpendEntry]:
        """By model and provider, as those of a `Spend`."""
        return self._spend.entries

    @property
    def total(self) -> SpendEntry:
        """The sum over all models and providers."""
        return self._spend.total

    @property
    def spent(self) -> float:
        """USD that the calls have cost, and the estimates of those whose cost is unreported."""
        total = self.total
        return total.cost + total.unreported

    @property
    def remaining(self) -> float:
        """USD; what is reserved for calls in flight is not taken off."""
        return max(0.0, self.limit - self.spent)

    def __enter__(self) -> Self:
        open_ledger(self)
        return self

    def __exit__(self, *_: object) -> None:
        close_ledger(self)

    def __str__(self) -> str:
        """Return a line for each model at each provider, and one for the total."""
        return str(self._spend)

    def _repr_html_(self) -> str:
        from .sums_table import sums_table  # which a program needs in a notebook alone

        with self._spend.committed():  # so that nothing changes meanwhile
            parts = (
                f"{self.spent:.6f} of {self.limit:g} USD spent",
                f"{self.remaining:.6f} left",
                self.total.describe_unreported(),
            )
            caption = ", ".join(filter(None, parts))
            return sums_table(self.entries, self.total, caption=caption)

    def add(self, completion: Completion) -> None:
        """Add a response; one without a cost counts as an unreported call."""
        self._spend.add(completion)

    def reserve(self, key: object, call: PlannedCall) -> None:
        """Take note that a call is about to be sent, which is known by `key` from now on.

        Raises:
            BudgetExceededError: There is not enough left for it.
        """
        self._spend.reserve(key, call, self._approve)

    def settle(self, key: object, bill: Bill | None) -> None:
        """Take note that a call is over; there is no bill if it was not sent or was refused."""
        self._spend.settle(key, bill)

    def add_replay(self, completion: Completion) -> None:
        """Count an answer that came from a journal, for nothing."""
        self._spend.add_replay(completion)

    def warn_if_unreported(self, completion: Completion) -> None:
        """Warn, once, if a response has usage without a cost."""
        self._spend.warn_if_unreported(completion)

    def _approve(self, estimate: Estimate, reserved: float) -> Estimate:
        """Return what to count a call with, or refuse it."""
        if estimate.is_guess and self._first_call is not None:
            estimate = Estimate(self._first_call, is_guess=False)
        total = self.total
        spent = total.cost + total.unreported
        needed = spent + reserved + estimate.amount
        allowance = self._allowance(needed)
        alone = estimate.is_guess and not reserved and allowance >= self.limit
        fits = alone or needed <= allowance + _NANO_DOLLAR
        if spent >= allowance or not fits:
            raise self._exceeded(total, reserved, estimate)
        return estimate

    def _allowance(self, needed: float) -> float:  # noqa: ARG002 -- for `SharedBudget`
        """Return the USD that may be spent here, where so many are needed."""
        return self.limit

    def _exceeded(
        self, total: SpendEntry, reserved: float, estimate: Estimate
    ) -> BudgetExceededError:
        return exceeded(f"The budget of {self.limit:g} USD", self.limit, total, reserved, estimate)


def exceeded(
    budget: str, limit: float, total: SpendEntry, reserved: float, estimate: Estimate
) -> BudgetExceededError:
    """Return the error for a call that a budget does not cover.

    Args:
        budget: Which one, as the subject of a sentence.
        limit: What may be spent, in USD.
        total: What has been spent.
        reserved: USD that are reserved for calls in flight.
        estimate: What the call is estimated at.
    """
    spent = total.cost + total.unreported
    unreported = (
        f" ({total.unreported:.6f} of them estimated, because the cost was not reported)"
        if total.unreported_calls
        else ""
    )
    in_flight = f", {reserved:.6f} are reserved for calls in flight" if reserved else ""
    advice = "Raise the limit to go on."
    if estimate.is_guess and spent < limit:
        advice += " The estimate is a guess, as no call of this model has told its cost yet; first_call replaces it."
    return BudgetExceededError(
        f"{budget} does not cover the next call: {spent:.6f} USD are spent{unreported}{in_flight}, "
        f"and the call is estimated at {estimate.amount:.6f}. {advice}",
        limit=limit,
        spent=spent,
        estimate=estimate.amount,
    )

"""How a job stands, in words."""

import pytest

from glm_openrouter.cli._batch.tally import Tally, fit_lines, say_usd
from glm_openrouter.cli._batch.view import show


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tally(clock):
    """A job of 1,000 rows that does ten a second, each for 0.001 USD, and is at the 400th."""
    tally = Tally(1000, budget=5.0, clock=clock)
    for second in range(41):
        clock.now = second
        tally.done = tally.paid = 10 * second
        tally.cost = 0.001 * tally.paid
        tally.sample()
    return tally


def test_it_says_how_far_how_fast_how_much_and_how_long(tally):
    tally.in_flight = 64

    assert tally.parts() == [
        "40 %",
        "400 of 1,000",
        "10/s",
        "0.4000 USD of 5.00 (1.00 in the end)",
        "64 in flight",
        "0:01:00 left",
    ]


def test_it_says_what_failed_and_what_was_replayed(tally):
    tally.failed, tally.replayed = 27, 12

    assert {"27 failed", "12 replayed"} <= set(tally.parts())
    assert tally.parts()[1] == "427 of 1,000"


def test_the_rate_is_that_of_the_last_seconds(tally, clock):
    clock.now = 300
    tally.sample()
    clock.now = 310
    tally.done += 50

    assert "5.0/s" in tally.parts()


def test_rows_that_were_free_say_nothing_of_the_end(tally):
    tally.done += 400  # from the journal

    assert "0.4000 USD of 5.00 (0.6000 in the end)" in tally.parts()


def test_before_the_first_row_nothing_is_guessed(clock):
    assert Tally(10, clock=clock).parts() == ["0 %", "0 of 10", "0.00 USD", "0 in flight"]


@pytest.mark.parametrize(
    ("amount", "said"),
    [(0, "0.00"), (0.0000123, "0.000012"), (0.1234, "0.1234"), (2.713, "2.71"), (6600, "6,600.00")],
)
def test_an_amount_has_as_many_digits_as_it_needs(amount, said):
    assert say_usd(amount) == said


def test_no_line_is_longer_than_the_terminal_and_no_part_is_broken(tally):
    tally.failed, tally.replayed = 27, 12345

    for width in (40, 80, 200):
        lines = fit_lines(tally.parts(), width).split("\n")
        assert max(map(len, lines)) <= width
        assert "  ".join(lines) == "  ".join(tally.parts())


def test_without_a_terminal_a_line_comes_every_ten_seconds(tally, clock, capsys):
    with show(tally) as view:
        for second in range(40, 62):
            clock.now = second
            view()

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("40 %  400 of 1,000") for line in lines)

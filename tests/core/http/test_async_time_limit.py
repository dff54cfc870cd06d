"""What ends the waits of an asynchronous body: one timer of the loop for all its reads."""

import asyncio

import pytest

from glm_openrouter._http.async_time_limit import Watchdog
from glm_openrouter._idle import IdleTimer


@pytest.fixture
def timers(monkeypatch):
    """Every timer that is set: its seconds, and what it calls; none rings by itself unless it is due."""
    noted = []
    call_later = asyncio.BaseEventLoop.call_later

    def note(loop, seconds, callback, *arguments):
        noted.append((seconds, callback))
        return call_later(loop, seconds, callback, *arguments)

    monkeypatch.setattr(asyncio.BaseEventLoop, "call_later", note)
    return noted


async def test_many_reads_set_one_timer(timers):
    timer = IdleTimer(60)
    watchdog = Watchdog(timer)
    for number in range(100):
        with watchdog:
            await asyncio.sleep(0)
        timer.restart(number)

    assert len(timers) == 1


async def test_a_timer_that_rings_too_early_sets_itself_again(timers):
    now = 0.0
    timer = IdleTimer(60, lambda: now)
    watchdog = Watchdog(timer)
    with watchdog:
        now = 50.0
        timer.restart("something")
        now = 60.0
        timers[0][1]()
        await asyncio.sleep(0)

    assert [seconds for seconds, _ in timers] == [60, 50]


async def test_a_timer_that_rings_while_nobody_waits_ends_nothing(timers):
    now = 0.0
    watchdog = Watchdog(IdleTimer(60, lambda: now))
    with watchdog:
        pass
    now = 61.0
    timers[0][1]()
    await asyncio.sleep(0)

    assert len(timers) == 1


async def test_a_wait_that_is_over_ends_with_a_timeout():
    with pytest.raises(TimeoutError), Watchdog(IdleTimer(0)):
        await asyncio.Event().wait()
    await asyncio.sleep(0)  # nothing is left of it


async def test_a_shorter_limit_holds_for_the_next_read():
    timer = IdleTimer(60)
    watchdog = Watchdog(timer)
    with watchdog:
        await asyncio.sleep(0)
    timer.end(wait=False)
    with pytest.raises(TimeoutError), watchdog:
        await asyncio.Event().wait()


async def test_what_others_cancel_is_no_timeout():
    async def wait():
        with Watchdog(IdleTimer(60)):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_that_comes_with_the_timeout_stays_one(timers):
    now = 0.0

    async def wait():
        with Watchdog(IdleTimer(60, lambda: now)):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    now = 60.0
    timers[0][1]()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_without_a_limit_no_timer_is_set(timers):
    with Watchdog(IdleTimer(None)):
        await asyncio.sleep(0)

    assert timers == []


async def test_a_body_that_is_closed_leaves_no_timer():
    watchdog = Watchdog(IdleTimer(60))
    with watchdog:
        await asyncio.sleep(0)
    watchdog.close()

    handles = asyncio.get_running_loop()._scheduled
    assert all(handle.cancelled() for handle in handles)

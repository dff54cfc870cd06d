"""Several processes share one limit: each leases slices of it, and together they do not spend more."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import pytest

from glm_openrouter import (
    BudgetExceededError,
    Client,
    InvalidRequestError,
    SharedBudget,
    StoreError,
)
from glm_openrouter.testing import json_reply
from support.redis_server import running_redis
from support.samples import KEY, REQUEST
from support.wire import response_body

pytestmark = pytest.mark.redis

COUNTER = "glm-openrouter:budget:labels"


def costs(cost):
    return json_reply(response_body({"content": "2"}, usage={"prompt_tokens": 10, "cost": cost}))


@pytest.fixture
def share(redis_server):
    """Makes a budget as another process would."""

    def make(limit, **options):
        return SharedBudget(limit, redis_server.url, name="labels", **options)

    return make


def leased(redis_server):
    """Nano-dollars that the counter is at."""
    return int(redis_server.ask("GET", COUNTER).split()[1])


def spend_all(run, server, budget):
    """Make calls until the budget refuses one; return how many."""
    calls = 0
    try:
        while True:
            run.complete(server.base_url)
            calls += 1
    except BudgetExceededError:
        return calls


def test_a_shared_budget_alone_is_a_budget(run, scripted_openrouter, share):
    server = scripted_openrouter(costs(0.1))
    with share(0.3) as budget:
        assert spend_all(run, server, budget) == 3
        with pytest.raises(BudgetExceededError, match=r"'labels' of 0\.3 USD") as caught:
            run.complete(server.base_url)
    assert (caught.value.limit, budget.spent) == (0.3, pytest.approx(0.3))
    assert len(server.requests) == 3


def test_four_together_spend_the_limit_and_no_more(scripted_openrouter, share, redis_server):
    server = scripted_openrouter(costs(0.001))
    budgets = [share(0.1, first_call=0.001) for _ in range(4)]

    def spend(budget):
        with Client(base_url=server.base_url, api_key=KEY) as client, budget:
            try:
                while True:
                    client.complete(REQUEST)
            except BudgetExceededError:
                return budget.spent

    with ThreadPoolExecutor(4) as pool:
        spent = list(pool.map(spend, budgets))
    assert len(server.requests) == 100
    assert sum(spent) == pytest.approx(0.1)
    assert leased(redis_server) == 100_000_000


def test_what_is_left_of_a_slice_is_given_back(run, scripted_openrouter, share, redis_server):
    server = scripted_openrouter(costs(0.001))
    with share(1, slice=0.5, first_call=0.001):
        run.complete(server.base_url)
        assert leased(redis_server) == 500_000_000
    assert leased(redis_server) == 1_000_000


def test_a_block_inside_a_block_gives_nothing_back(run, scripted_openrouter, share, redis_server):
    server = scripted_openrouter(costs(0.001))
    with share(1, slice=0.5, first_call=0.001) as budget:
        with budget:
            run.complete(server.base_url)
        assert leased(redis_server) == 500_000_000


def test_what_calls_cost_beyond_their_estimates_is_counted(
    run, scripted_openrouter, share, redis_server
):
    server = scripted_openrouter(costs(0.3))
    with share(1, first_call=0.001):
        run.complete(server.base_url)
    assert leased(redis_server) == 300_000_000


def test_a_process_that_dies_forfeits_its_slice(run, scripted_openrouter, share, redis_server):
    server = scripted_openrouter(costs(0.01))
    program = (
        "import os, sys, signal\n"
        "from glm_openrouter import Client, ChatRequest, SharedBudget\n"
        "with SharedBudget(0.1, sys.argv[1], name='labels', slice=0.03, first_call=0.01):\n"
        "    client = Client(base_url=sys.argv[2], api_key=sys.argv[3])\n"
        "    client.complete(ChatRequest(messages=[{'role': 'user', 'content': 'Hello'}]))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    arguments = [redis_server.url, server.base_url, KEY]
    assert subprocess.run([sys.executable, "-c", program, *arguments]).returncode == -9

    with share(0.1, first_call=0.01) as budget:
        assert spend_all(run, server, budget) == 7


def test_a_run_that_goes_on_goes_on_counting(run, scripted_openrouter, share):
    server = scripted_openrouter(costs(0.1))
    with share(0.3, first_call=0.1) as budget:
        spend_all(run, server, budget)
    with share(0.3, first_call=0.1), pytest.raises(BudgetExceededError, match=r"0\.300000 are"):
        run.complete(server.base_url)
    with share(0.5, first_call=0.1) as budget:
        assert spend_all(run, server, budget) == 2


def test_only_who_is_alone_may_pass_the_limit_by_a_guess(run, scripted_openrouter, share):
    server = scripted_openrouter(costs(0.005))

    def ask_of(model):
        run.complete(server.base_url, REQUEST.model_copy(update={"model": model}))

    with share(0.004):
        ask_of("one/model")  # the guess alone is more
    with share(0.02):
        ask_of("one/model")
        ask_of("another/model")
        with pytest.raises(BudgetExceededError, match="guess"):
            ask_of("a-third/model")


def test_a_call_that_is_refused_leases_nothing(run, scripted_openrouter, share, redis_server):
    server = scripted_openrouter(costs(0.25))
    with share(0.3, first_call=0.25):
        run.complete(server.base_url)
    for limit in (0.3, 0.1):  # too little is left; more is spent already than a lower limit allows
        with share(limit, first_call=0.1):
            with pytest.raises(BudgetExceededError):
                run.complete(server.base_url)
            assert leased(redis_server) == 250_000_000


def test_calls_before_the_slice_is_used_up_ask_no_redis(run, scripted_openrouter, tmp_path):
    server = scripted_openrouter(costs(0.001))
    with running_redis(tmp_path) as redis:
        budget = SharedBudget(1, redis.url, name="labels", first_call=0.001)
        with budget:
            run.complete(server.base_url)
            redis.stop()
            for _ in range(9):
                run.complete(server.base_url)
            with pytest.raises(StoreError, match="shared budget 'labels' cannot be read"):
                run.complete(server.base_url)
    assert budget.spent == pytest.approx(0.01)
    assert len(server.requests) == 10


@pytest.mark.parametrize("copy", [deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_copies_share_the_counter_and_nothing_else(run, scripted_openrouter, share, copy):
    server = scripted_openrouter(costs(0.1))
    with share(0.3, slice=0.1, first_call=0.1) as budget:
        run.complete(server.base_url)
    with copy(budget) as other:
        assert spend_all(run, server, other) == 2
    assert other.spent == pytest.approx(0.2)


@pytest.mark.parametrize(
    "odd", [{"name": ""}, {"slice": 0}, {"slice": float("nan")}, {"limit": -1}, {"limit": 1e8}]
)
def test_what_makes_no_sense_is_refused(odd):
    with pytest.raises(InvalidRequestError):
        SharedBudget(**{"limit": 1, "url": "redis://127.0.0.1:1/0", "name": "labels", **odd})


def test_the_password_of_the_redis_is_not_shown():
    budget = SharedBudget(1, "redis://:secret@127.0.0.1:1/0", name="labels")
    with pytest.raises(StoreError) as caught, budget:
        budget._allowance(0.5)
    assert "secret" not in f"{budget!r} {caught.value}"

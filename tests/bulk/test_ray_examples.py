"""The examples of Ray run on this machine, and on a cluster of two nodes; so does the block of the page."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from glm_openrouter.testing import OfflineServer

from .conftest import Cluster

pytestmark = [pytest.mark.ray, pytest.mark.xdist_group("ray")]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "bulk.md"
EXAMPLES = {
    "ray_langchain": r"Why does bread rise\?\n\w+",
    "ray_structured": r"'name': 'Ada Lovelace', 'age': 36.*  0\.\d+ USD",
    "ray_llamaindex": r"1: Bread rises.*\n .*\(\d+ dimensions\)",
}
"""Name -> what it prints."""


@pytest.fixture
def offline() -> Iterator[dict[str, str]]:
    """Where an offline OpenRouter answers."""
    with OfflineServer() as server:
        yield {"OPENROUTER_API_BASE": server.base_url}


@pytest.fixture(scope="module")
def two_nodes(cluster: Cluster) -> Iterator[dict[str, str]]:
    """Lets a driver join a cluster of two nodes."""
    with cluster.start_node():
        yield cluster.environment


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_on_this_machine(name, offline, start_job):
    with start_job(ROOT / "examples" / f"{name}.py", **offline, RAY_ADDRESS="local") as job:
        assert job.wait() == 0, job.output
        assert re.search(EXAMPLES[name], job.output), job.output


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_on_two_nodes(name, start_job, two_nodes):
    with start_job(ROOT / "examples" / f"{name}.py", **two_nodes) as job:
        assert job.wait() == 0, job.output
        assert re.search(EXAMPLES[name], job.output), job.output


def test_the_block_of_the_page_writes_labels(offline, start_job, tmp_path):
    (block,) = re.findall(r"^```py\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    script = tmp_path / "script.py"
    script.write_text(f"import os\nos.chdir({str(tmp_path)!r})\n{block}")
    with start_job(script, **offline, RAY_ADDRESS="local") as job:
        assert job.wait() == 0, job.output

    from pyarrow import parquet

    rows = parquet.read_table(tmp_path / "labels").to_pylist()
    assert [row["error"] for row in rows] == [None, None]
    assert {*rows[0]["answer"]} == {"mood", "score"}

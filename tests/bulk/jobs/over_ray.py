"""A question for each row, over Ray, written as Parquet: to be killed, and run again.

Where RAY_ADDRESS is set the job joins that cluster, and waits until it has `--nodes`.
"""

import argparse
import os
import time
from pathlib import Path
from typing import Any

import ray
from langchain_core.prompts import ChatPromptTemplate
from ray.data import SaveMode

from glm_openrouter.ray import ask
from langchain_glm import ChatGLM


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--base-url")
    parser.add_argument("--journal")
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--actors", type=int, default=1)
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--processes", type=Path, help="a folder: a file for each that asks")
    options = parser.parse_args()
    connect(options.nodes)

    model = ChatGLM(base_url=options.base_url, pickle_secrets=False)
    chain = ChatPromptTemplate.from_template("{text}") | model
    processes = options.processes

    async def call(row: dict[str, Any]) -> Any:
        node = ray.get_runtime_context().get_node_id()
        (processes / f"{os.getpid()}").write_text(node)
        return await chain.ainvoke(row)

    rows = ray.data.read_json(options.source)
    done = ask(
        rows,
        call,
        journal=options.journal,
        in_flight=options.in_flight,
        actors=options.actors,
    )
    done.write_parquet(options.target, mode=SaveMode.OVERWRITE)


def connect(nodes: int) -> None:
    """Join a cluster, or start one of this machine."""
    if "RAY_ADDRESS" not in os.environ:
        ray.init(num_cpus=2, include_dashboard=False)
        return
    ray.init()
    while sum(node["Alive"] for node in ray.nodes()) < nodes:
        time.sleep(0.2)


if __name__ == "__main__":
    main()

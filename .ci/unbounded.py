"""Print what the project requires, extras included, without upper bounds."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
groups = [project["dependencies"], *project["optional-dependencies"].values()]
for requirement in map(Requirement, (line for group in groups for line in group)):
    if requirement.name != project["name"]:
        bounds = [str(part) for part in requirement.specifier if not part.operator.startswith("<")]
        print(requirement.name + ",".join(bounds))  # noqa: T201

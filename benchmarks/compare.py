"""What each integration does where something goes wrong: the table in README, made anew.

Every contender runs in a process of its own, against scripted servers on this machine, with its default settings. A
cell with two values has what was seen in a stream first, and then what was seen in a whole answer.
"""

import argparse
import json
import logging
import subprocess
import sys
import warnings

from _claims import CLAIMS, Claim
from _compared import OURS, PEERS
from _measure import print_table

CONTENDERS = {**OURS, **PEERS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[""], help="words in the names of rows")
    parser.add_argument("--contenders", nargs="*", default=[*CONTENDERS], choices=CONTENDERS)
    parser.add_argument("--child", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    claims = [claim for claim in CLAIMS if any(word in claim.label for word in options.only)]
    if options.child:
        print("\n" + json.dumps(look_at(options.child, claims)))
        return
    found = {name: run_child(name, options.only) for name in options.contenders}
    rows = [[claim.label, *cells(claim, found)] for claim in claims]
    print_table(["", *columns(found)], rows)


def look_at(name: str, claims: list[Claim]) -> dict[str, str]:
    """Return what one contender does, row by row."""
    warnings.simplefilter("ignore")
    logging.disable()
    contender = CONTENDERS[name]()
    found = {}
    for claim in claims:
        found[claim.label] = claim.look_at(contender)
        print(f"{name}: {claim.label}: {found[claim.label]}", file=sys.stderr, flush=True)
    return found


def run_child(name: str, only: list[str]) -> dict[str, str]:
    command = [sys.executable, __file__, "--child", name, "--only", *only]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def columns(found: dict[str, dict[str, str]]) -> list[str]:
    """Ours are one column: they share a core, and are to behave the same."""
    peers = [f"`{name}`" for name in found if name in PEERS]
    return ["here", *peers] if found.keys() & OURS.keys() else peers


def cells(claim: Claim, found: dict[str, dict[str, str]]) -> list[str]:
    ours = dict.fromkeys(found[name][claim.label] for name in found if name in OURS)
    ours.pop("", None)
    peers = [found[name][claim.label] for name in found if name in PEERS]
    return [" or ".join(ours), *peers] if ours else peers


if __name__ == "__main__":
    main()

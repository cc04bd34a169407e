"""A Brownie process that has started, and becomes whatever script it is told to, many times.

Brownie takes seconds to start. Here it does so once; every line of standard input then has a copy
of the process carry on as `brownie run` would: it calls the script's function, and ends as that
does. The copy has its own environment, input and outputs, and its exit status is printed.
"""

import importlib
import json
import os
import signal
import sys
from typing import Any

_LONGEST_S = 60


def main() -> None:
    """Read jobs until there are no more."""
    # Imported once for all copies, as it takes as long as the rest of what they do.
    importlib.import_module("market.commands")
    print("Ready", flush=True)
    while line := sys.stdin.readline():
        job = json.loads(line)
        if not (copy := os.fork()):
            _become(job)
            return
        status = os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])
        print(f"Status {status}", flush=True)


def _become(job: dict[str, Any]) -> None:
    signal.alarm(_LONGEST_S)
    os.environ.clear()
    os.environ.update(job["environment"])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(job[name], flags, 0o600), number)
    module = importlib.import_module(f"scripts.{job['script']}")
    try:
        getattr(module, job["function"])(*job["arguments"])
    except SystemExit as end:
        # To take the interpreter apart would need longer than all that was done.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(end.code or 0))

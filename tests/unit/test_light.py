import importlib
import subprocess
import sys
from pathlib import Path

from market.light import AIOHTTP_NAMES

REPOSITORY = Path(__file__).parents[2]


def run(program: str) -> str:
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_leave_out_aiohttp__before_web3__has_web3_work_without_it() -> None:
    shown = run(
        "from market.light import leave_out_aiohttp; leave_out_aiohttp()\n"
        "import sys, market.command_line\n"
        "from web3 import HTTPProvider, Web3\n"
        "print(Web3(HTTPProvider('http://127.0.0.1:1')).is_connected())\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('aiohttp', 'yarl', 'multidict')])"
    )

    assert shown.splitlines() == ["False", "['aiohttp']"]


def test_leave_out_aiohttp__imported_before__leaves_it_in() -> None:
    shown = run(
        "import aiohttp\n"
        "from market.light import leave_out_aiohttp; leave_out_aiohttp()\n"
        "import sys; print(sys.modules['aiohttp'] is aiohttp)"
    )

    assert shown == "True"


def test_aiohttp_names__the_real_aiohttp__has_them_all() -> None:
    real = importlib.import_module("aiohttp")

    assert [name for name in AIOHTTP_NAMES if not hasattr(real, name)] == []

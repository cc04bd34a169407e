import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MODULES = [path.stem for path in (REPOSITORY / "market").glob("*.py")]


@pytest.mark.parametrize("module", ["commands", "session", "command_line"])
def test_import__of_what_a_device_runs__does_not_import_brownie(module):
    program = f"import market.{module}, sys; sys.exit('brownie' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True)


def test_brownie__outside_brownie_env__is_not_imported():
    importing = [
        module
        for module in MODULES
        if any(
            line.lstrip().startswith(("import brownie", "from brownie"))
            for line in (REPOSITORY / "market" / f"{module}.py").read_text().splitlines()
        )
    ]
    assert importing == ["brownie_env"]

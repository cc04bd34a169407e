import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["SPECIFICATION.md", "THREATS.md"])
def test_specification__every_test_it_names__exists(page):
    specification = (REPOSITORY / "docs" / page).read_text("utf-8")
    named = set(re.findall(r"`(test_\w+)`", specification))
    written = "\n".join(
        path.read_text("utf-8") for path in (REPOSITORY / "tests").rglob("test_*.py")
    )
    assert named
    assert named <= set(re.findall(r"def (test_\w+)", written))


def test_specification__every_invariant__names_a_test():
    specification = (REPOSITORY / "docs" / "SPECIFICATION.md").read_text("utf-8")
    invariants = specification.split("## Invariants")[1].split("## Not promised")[0]
    parts = re.split(r"^\d+\. ", invariants, flags=re.MULTILINE)[1:]
    assert len(parts) == 15
    assert all("`test_" in part for part in parts)

"""Forge compiles what halmos proves as Brownie compiles what is deployed."""

import json
import os
import subprocess

import pytest
import yaml

from attack.forge import FORGE, ROOT


def forge_settings(profile):
    answer = subprocess.run(
        [FORGE, "config", "--json"],
        cwd=ROOT,
        env=os.environ | {"FOUNDRY_PROFILE": profile},
        capture_output=True,
        check=True,
    )
    return json.loads(answer.stdout)


@pytest.fixture
def brownie_settings():
    return yaml.safe_load((ROOT / "brownie-config.yaml").read_text("utf-8"))["compiler"]


def test_foundry__symbolic__compiles_as_brownie_does(brownie_settings):
    forge, solc = forge_settings("symbolic"), brownie_settings["solc"]
    assert forge["evm_version"] == brownie_settings["evm_version"]
    assert forge["via_ir"] == solc["viaIR"]
    assert forge["optimizer"] == solc["optimizer"]["enabled"]
    assert forge["optimizer_runs"] == solc["optimizer"]["runs"]
    remappings = [
        line.replace("=./", "=").replace("/=", "=").rstrip("/") for line in solc["remappings"]
    ]
    assert [line.replace("/=", "=").rstrip("/") for line in forge["remappings"]] == remappings


@pytest.mark.parametrize("profile", ["default", "long", "symbolic"])
def test_foundry__every_profile__uses_the_compiler_of_brownie(profile, brownie_settings):
    forge = forge_settings(profile)
    assert forge["solc"] == f".solcx/solc-v{brownie_settings['solc']['version']}"
    assert forge["evm_version"] == brownie_settings["evm_version"]
    assert forge["offline"]


@pytest.mark.parametrize("profile", ["default", "long"])
def test_foundry__fuzzing__takes_an_error_of_the_handlers_for_a_failure(profile):
    assert forge_settings(profile)["invariant"]["fail_on_revert"]

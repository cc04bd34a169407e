import subprocess

import pytest

from tests.page import chromium
from tests.page.browser import binary


@pytest.fixture
def no_browser(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("BROWSER_BINARY", raising=False)


def test_binary__none_on_this_machine__is_the_packaged_one(no_browser):
    path, environment = binary()
    version = subprocess.run(
        [path, "--version"], env=environment, check=True, capture_output=True, text=True
    )
    assert "Chromium" in version.stdout


def test_binary__no_package_either__fails_and_says_what_to_install(no_browser, monkeypatch):
    monkeypatch.setattr(chromium, "packaged", lambda: None)
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        binary()

"""A real browser: the machine's own Chromium, or else the one of the npm packages."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.page import chromium
from tests.scripts.processes import ROOT

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1200, "height": 900}
SCREENSHOTS = Path(__file__).parent / "screenshots"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
_SERIOUS = ("serious", "critical")


def binary() -> tuple[str, dict[str, str] | None]:
    """Return the browser's path and environment; without one the test fails with what to do."""
    named = os.environ.get("BROWSER_BINARY") or next(filter(None, map(shutil.which, _NAMES)), None)
    if named:
        return named, None
    if shipped := chromium.packaged():
        return str(shipped), chromium.environment(shipped)
    pytest.fail(
        "The page's tests need a browser: apt-get install chromium, or name another "
        "Chromium's path in BROWSER_BINARY",
        pytrace=False,
    )


@contextmanager
def running_browser() -> Iterator[Browser]:
    path, environment = binary()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            env=environment,
            args=[
                "--no-sandbox",
                "--disable-background-networking",
                "--disable-dev-shm-usage",
                "--disable-gpu",
            ],
        )
        try:
            yield browser
        finally:
            browser.close()


def accessibility_problems(page: Page) -> list[str]:
    """Return what axe finds serious or critical on the page as it is."""
    page.evaluate(_AXE.read_text("utf-8"))
    found = page.evaluate("axe.run()")
    return [
        f"{violation['impact']}: {violation['help']}: "
        + json.dumps([node["html"][:200] for node in violation["nodes"]])
        for violation in found["violations"]
        if violation["impact"] in _SERIOUS
    ]


def take_screenshot(page: Page, name: str) -> None:
    """Keep what the page looks like, for a person to look at."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

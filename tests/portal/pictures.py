# SPDX-License-Identifier: Apache-2.0
"""The pictures of the README: one walk through the running demo, employee to reviewer (`make pictures`)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.portal.test_browser import CHROMIUM, FLAGS, Demo, _held, _role

PLACE = Path(__file__).parents[2] / "deploy" / "pictures"


def main() -> int:
    """Write the pictures; they show invented people and mails only."""
    if CHROMIUM is None:
        sys.stderr.write("Chromium is not installed (Debian package chromium).\n")
        return 1
    PLACE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        demo = Demo(Path(folder))
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 900, "height": 700}, locale="en")
            case = _held(demo, 1)
            page.goto(demo.link(case))
            page.screenshot(path=str(PLACE / "employee.png"))
            page.select_option("#code", "R1")
            page.fill("#purpose", "My laptop is broken, the offer is due today")
            page.select_option("#whose_data", "customers")
            page.select_option("#basis", "contract")
            page.select_option("#informed", "no")
            page.click("button[value=state]")
            page.wait_for_selector(".done")
            _role(page, demo, "reviewer")
            page.goto(f"{demo.url}/queue")
            page.screenshot(path=str(PLACE / "queue.png"))
            page.goto(f"{demo.url}/queue/{case}")
            page.screenshot(path=str(PLACE / "case.png"))
            browser.close()
        finally:
            demo.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

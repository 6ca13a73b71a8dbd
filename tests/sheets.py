"""Every state of the playground as a sheet of pictures: at four widths, side by side.

    python tests/sheets.py sheets                    all of them, light and dark
    python tests/sheets.py sheets words training     of these panels alone

The page is the server's, in the machine's Chromium.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from conftest import chromium
from pages import Page, Server
from PIL import Image
from playwright.sync_api import sync_playwright
from test_playground_browser import OPENED, STATES

WIDTHS = (390, 768, 1280, 1920)
TALLEST = 2600


def sheet(page: Page, query: str, scheme: str, opening: bool) -> Image.Image:
    """A state at every width, half as large; opened: with all that opens in it."""
    shots = []
    for width in WIDTHS:
        page.open(query, width=width, scheme=scheme)
        if opening:
            page.page.evaluate(OPENED, True)
        page.page.wait_for_timeout(700)  # what comes last is shown
        shot = Image.open(io.BytesIO(page.page.screenshot(full_page=True)))
        shot = shot.crop((0, 0, shot.width, min(shot.height, TALLEST)))
        shots.append(shot.resize((shot.width // 2, shot.height // 2)))
    room = sum(shot.width + 10 for shot in shots), max(shot.height for shot in shots)
    made, across = Image.new("RGB", room, "magenta"), 0
    for shot in shots:
        made.paste(shot, (across, 0))
        across += shot.width + 10
    return made


def main() -> None:
    """Write the sheets, and say what each page complained of."""
    target, *panels = sys.argv[1:]
    Path(target).mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as running:
        server = Server(Path(folder))
        page = Page(chromium(running), server)
        for panel in panels or STATES:
            for number, query in enumerate(STATES[panel]):
                for scheme in ("light", "dark"):
                    name = Path(target) / f"{panel}-{number}-{scheme}.png"
                    sheet(page, query, scheme, number == 0).save(name)
                    print(name, query, *page.problems)
        server.close()


if __name__ == "__main__":
    main()

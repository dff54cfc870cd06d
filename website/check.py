"""Opens each page of the built site in Chromium, as wide as a desktop and as a phone, and says what is wrong.

`make docs-check` runs it. The site is served on a loopback port, and anything that a page asks of another host is an
error. `--pictures FOLDER` also takes pictures of some pages.
"""

import argparse
import os
import shutil
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urldefrag, urljoin

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from website.addresses import ROOT

SITE = ROOT / "build" / "site"
QUESTIONS = ROOT / "tests" / "docs" / "questions.toml"
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
FIRST_ANSWERS = 3
PICTURES = ("", "quickstart/", "errors/", "reference/clients/", "migration/chatopenai/")

WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
LINKS = "() => [...document.querySelectorAll('a[href]')].map(a => a.href)"
ANCHORS = "() => [...document.querySelectorAll('[id], a[name]')].map(e => e.id || e.name)"
SCHEME = "() => document.body.getAttribute('data-md-color-scheme')"
BACKGROUND = "() => getComputedStyle(document.body).backgroundColor"


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served() -> Iterator[str]:
    """Serve the built site, and yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


class Report:
    """What is wrong."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def check(self, is_right: bool, problem: str) -> None:
        """Note a problem unless something is right."""
        if not is_right:
            self.problems.append(problem)
            print("WRONG:", problem, flush=True)


def new_context(
    browser: Browser, width: str, base: str, report: Report, **options: str
) -> BrowserContext:
    """Return a browser of some width, in which whatever a page asks elsewhere, and each error of it, is noted."""
    columns, rows = WIDTHS[width]
    context = browser.new_context(
        viewport={"width": columns, "height": rows},
        is_mobile=width == "phone",
        has_touch=width == "phone",
        permissions=["clipboard-read", "clipboard-write"],
        **options,  # type: ignore[arg-type]
    )
    context.on(
        "request",
        lambda request: report.check(
            request.url.startswith((base, "data:", "blob:")),
            f"{request.frame.url} asks {request.url}",
        ),
    )
    context.on(
        "response",
        lambda response: report.check(
            response.status < 400, f"{response.url} is {response.status}"
        ),
    )
    context.on(
        "console",
        lambda message: report.check(
            message.type not in ("error", "warning"),
            f"{message.page and message.page.url}: {message.text}",
        ),
    )
    context.on(
        "weberror",
        lambda error: report.check(False, f"{error.page and error.page.url}: {error.error}"),
    )
    return context


def pages_of(base: str) -> list[str]:
    """Return the addresses of all pages."""
    found = sorted(SITE.rglob("index.html"))
    return [base + str(path.relative_to(SITE)).removesuffix("index.html") for path in found]


def open_pages(browser: Browser, base: str, report: Report) -> None:
    """Open every page in each width, and follow every link in mind."""
    links: dict[str, set[str]] = {}
    anchors: dict[str, set[str]] = {}
    for width in WIDTHS:
        page = new_context(browser, width, base, report).new_page()
        for address in pages_of(base):
            page.goto(address, wait_until="load")
            excess = page.evaluate(WIDE)
            report.check(excess <= 0, f"{address} is {excess} pixels too wide for a {width}")
            if width == "desktop":
                links[address] = set(page.evaluate(LINKS))
                anchors[address] = {*page.evaluate(ANCHORS), ""}
        page.context.close()
    for address, targets in links.items():
        for target in sorted(targets):
            url, anchor = urldefrag(urljoin(address, target))
            if url.startswith(base):
                there = url in anchors or (SITE / url.removeprefix(base)).is_file()
                report.check(there, f"{address} leads to {url}, which is not there")
                if url in anchors:
                    report.check(
                        anchor in anchors[url],
                        f"{address} leads to {url}#{anchor}, which is not there",
                    )
    print(f"{len(anchors)} pages, {sum(map(len, links.values()))} links")


def ask_questions(browser: Browser, base: str, report: Report) -> None:
    """Type each question into the search."""
    questions = tomllib.loads(QUESTIONS.read_text(encoding="utf-8"))["questions"]
    page = new_context(browser, "desktop", base, report).new_page()
    page.goto(base)
    field, item = page.locator(".md-search__input"), page.locator(".md-search-result__item")
    field.click()
    for question, wanted in questions.items():
        for text, state in (("", "detached"), (question, "attached")):
            field.fill(text)
            field.press("End")  # the search listens to keys
            try:
                item.first.wait_for(state=state, timeout=10_000)
            except PlaywrightTimeoutError:
                report.check(False, f"nothing is found for {question!r}")
        found = page.eval_on_selector_all(
            ".md-search-result__item", "items => items.map(i => i.querySelector('a').href)"
        )
        pages = [each.partition("#")[0].partition("?")[0].removeprefix(base) for each in found]
        first = list(dict.fromkeys(pages))[:FIRST_ANSWERS]
        report.check(wanted in first, f"{question!r} finds {first}, and not {wanted}")
    page.context.close()
    print(f"{len(questions)} questions")


def use_the_page(browser: Browser, base: str, report: Report) -> None:
    """Change tabs and the theme, copy a block, and open the menu of a phone."""
    page = new_context(browser, "desktop", base, report, color_scheme="light").new_page()
    page.goto(base)
    python, other = page.locator(".tabbed-block").all()
    report.check(
        python.is_visible() and not other.is_visible(), "the first tab is not the one that is shown"
    )
    page.click(".tabbed-labels label:has-text('LlamaIndex')")
    report.check(
        other.is_visible() and not python.is_visible(), "a click on a tab does not show it"
    )

    for colour in ("slate", "default"):
        before = page.evaluate(BACKGROUND)
        page.click("label.md-header__button[for^=__palette]:not([hidden])")
        report.check(page.evaluate(SCHEME) == colour, f"the theme does not change to {colour}")
        report.check(
            page.evaluate(BACKGROUND) != before, f"the theme {colour} looks as the other one"
        )

    page.goto(f"{base}quickstart/")
    block = page.locator(".language-python.highlight").first
    block.hover()
    block.locator(".md-clipboard, .md-code__button[data-clipboard-target]").first.click()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    report.check(
        copied.strip() == block.locator("code").inner_text().strip(),
        "what is copied is not the block",
    )
    page.context.close()

    dark = new_context(browser, "desktop", base, report, color_scheme="dark").new_page()
    dark.goto(base)
    report.check(dark.evaluate(SCHEME) == "slate", "a reader who wants it dark gets it light")
    dark.context.close()

    phone = new_context(browser, "phone", base, report).new_page()
    phone.goto(base)
    phone.click("label.md-header__button[for=__drawer]")
    phone.wait_for_timeout(400)
    report.check(
        phone.locator(".md-nav--primary").is_visible(), "the menu of a phone does not open"
    )
    phone.context.close()


def take_pictures(browser: Browser, base: str, report: Report, folder: Path) -> None:
    """Take pictures of some pages, in each width and each theme."""
    folder.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        for scheme in ("light", "dark"):
            page: Page = new_context(browser, width, base, report, color_scheme=scheme).new_page()
            for path in PICTURES:
                page.goto(base + path)
                name = path.strip("/").replace("/", "-") or "home"
                page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")
            page.context.close()


def launch(playwright: Playwright) -> Browser:
    """Start the Chromium that is installed."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not program:
        sys.exit("The pages are opened in Chromium, which is not here: apt-get install chromium")
    return playwright.chromium.launch(
        executable_path=program, args=["--no-sandbox", "--disable-gpu"]
    )


def main() -> int:
    """Check the site, and return 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", action="store_true", help="only ask the search")
    parser.add_argument("--pictures", type=Path, help="folder for pictures of some pages")
    options = parser.parse_args()
    report = Report()
    with served() as base, sync_playwright() as playwright:
        browser = launch(playwright)
        if options.pictures:
            take_pictures(browser, base, report, options.pictures)
        elif options.questions:
            ask_questions(browser, base, report)
        else:
            open_pages(browser, base, report)
            use_the_page(browser, base, report)
            ask_questions(browser, base, report)
        browser.close()
    print(f"{len(report.problems)} problems")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())

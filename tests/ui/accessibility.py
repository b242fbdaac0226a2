"""axe-core (MPL 2.0, vendored) over an open page."""

from functools import cache
from pathlib import Path

from playwright.sync_api import Page

RUN = """axe.run().then((result) => result.violations.map((violation) => {
    const places = violation.nodes.slice(0, 3).map((node) => `  ${node.html.slice(0, 160)} ${node.failureSummary}`);
    return [`${violation.id} (${violation.impact}): ${violation.help}`, ...places].join(" | ");
}))"""


@cache
def _script() -> str:
    return (Path(__file__).parent / "vendor" / "axe.min.js").read_text()


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, each with the first places; an empty list is a pass. Not bound by the page's CSP."""
    page.evaluate(_script())
    found: list[str] = page.evaluate(RUN)
    return found

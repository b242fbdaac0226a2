"""axe-core on a page: the accessibility rules that a program can judge."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = (Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js").read_text()


#: What never ends, such as a turning sign of waiting, is not waited for.
SETTLED = """() => Promise.all(document.getAnimations()
  .filter((one) => one.playState === 'running' && one.effect.getComputedTiming().endTime < Infinity)
  .map((one) => one.finished.catch(() => null)))"""


def settle(page: Page) -> None:
    """Wait until all has loaded and whatever fades or slides in is there: halfway its colours and places are others."""
    page.wait_for_load_state()
    page.evaluate(SETTLED)


def describe(violation: dict[str, Any]) -> str:
    places = [f"    {node['html']}\n      {node['failureSummary']}" for node in violation["nodes"]]
    return "\n".join([f"{violation['id']} ({violation['impact']}): {violation['help']}", *places])


def assert_accessible(page: Page, *, within: str | None = None) -> None:
    """Fail with every violation of WCAG 2.2 AA and best practice on `page`, or in what the selector `within` names."""
    settle(page)
    page.evaluate(f"() => {{ {AXE}; window.axe = axe; }}")
    result = page.evaluate("(where) => axe.run(where || document, { resultTypes: ['violations'] })", within)
    found = [describe(violation) for violation in result["violations"]]
    assert not found, f"{page.url} breaks {len(found)} rules:\n" + "\n".join(found)

"""What every page owes whoever reads it: nothing fails unseen, it fits, and the keyboard alone is enough."""

from typing import Any

from playwright.sync_api import ConsoleMessage, Error, Page

from tests.accessibility import settle

#: Controls that Tab must reach. Of a group of radio buttons only one is a stop; the arrows reach the others.
COLLECT_STOPS = """() => {
  const modal = document.querySelector('dialog:modal');
  const groups = new Set();
  const candidates = [...document.querySelectorAll(
    'a[href], button, input, select, textarea, summary, iframe, [tabindex], [contenteditable=true]')];
  const stops = candidates.filter((e) => {
    if (e.disabled || e.tabIndex < 0 || e.type === 'hidden' || e.closest('[inert]')) return false;
    if (!e.checkVisibility({ visibilityProperty: true })) return false;
    if (modal && !modal.contains(e)) return false;
    if (e.type !== 'radio') return true;
    const group = [...document.getElementsByName(e.name)].filter((other) => other.form === e.form);
    return e === (group.find((other) => other.checked) || group[0]);
  });
  const look = (e) => [e, e.parentElement, e.nextElementSibling, ...(e.labels || [])].filter(Boolean).map((part) => {
    const s = getComputedStyle(part);
    return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow, s.borderColor, s.backgroundColor,
            s.textDecorationLine, s.clipPath, s.transform].join();
  }).join(';');
  const isCovered = (e) => {
    const box = (e.type === 'radio' || e.type === 'checkbox' ? e.labels?.[0] || e : e).getClientRects()[0];
    if (!box) return true;
    const points = [0.1, 0.5, 0.9].flatMap((x) => [0.2, 0.5, 0.8].map((y) => [x, y]));
    return !points.some(([x, y]) => {
      const top = document.elementFromPoint(box.left + box.width * x, box.top + box.height * y);
      const isOwn = (part) => part === top || part.contains(top) || top.contains(part);
      return top && [e, ...(e.labels || [])].some(isOwn);
    });
  };
  const describe = (e) => e.outerHTML.slice(0, 160);
  globalThis.stops = { all: stops, unfocused: stops.map(look), look, isCovered, describe };
  return stops.map((e) => e.tagName);
}"""
HERE = """() => {
  const { all, unfocused, look, isCovered, describe } = globalThis.stops;
  const e = document.activeElement;
  const index = all.indexOf(e);
  const isFrame = e.tagName === 'IFRAME';
  return {
    index, isFrame, what: describe(e), isNowhere: e === document.body || e === document.documentElement,
    isOutside: !document.querySelector('dialog:modal')?.contains(e),
    isSeen: isFrame || index < 0 || look(e) !== unfocused[index], isCovered: !isFrame && index >= 0 && isCovered(e),
  };
}"""
#: What has the focus from the start, as the first control of a dialog does, is looked at without it as well.
LET_GO = """() => {
  globalThis.focused = document.activeElement === document.body ? null : document.activeElement;
  globalThis.focused?.blur();
}"""
TAKE_UP = "() => globalThis.focused?.focus({ preventScroll: true, focusVisible: true })"
#: A frame of the gateway's has this many stops at most.
STOPS_IN_A_FRAME = 8


def watch(page: Page) -> list[str]:
    """A list that grows with every failed script, console error and refusal by the pages' policy.

    Save the gateway's frame that cannot have our letters: the test server gives files without WhiteNoise's header.
    """
    problems: list[str] = []

    def heard(line: ConsoleMessage) -> None:
        is_font = line.text.startswith("Access to font") or line.location["url"].endswith(".woff2")
        # A request that a newer one takes the place of is no failure; htmx says so as if it were.
        is_replaced = line.text.startswith(("htmx:afterRequest", "htmx:sendAbort"))
        if (line.type == "error" and not is_font and not is_replaced) or "Content Security Policy" in line.text:
            problems.append(f"{page.url}: {line.text}")

    def failed(error: Error) -> None:
        problems.append(f"{page.url}: {error}")

    page.on("pageerror", failed)
    page.on("console", heard)
    return problems


def assert_fits(page: Page) -> None:
    """Nothing makes the page wider than the window."""
    wide = page.evaluate(
        "() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]"
        ".filter((e) => { const box = e.getBoundingClientRect();"
        " return Math.max(box.right, box.left + e.scrollWidth) > innerWidth + 1; })"
        ".map((e) => e.outerHTML.slice(0, 120)).slice(-5)"
    )
    assert not wide, f"{page.url} is wider than the window:\n" + "\n".join(wide)


def assert_keyboard(page: Page) -> None:
    """Tab reaches every control of the page, or of the dialog that is open, shows where it is, and leaves none."""
    page.evaluate(LET_GO)
    settle(page)
    kinds: list[str] = page.evaluate(COLLECT_STOPS)
    page.evaluate(TAKE_UP)
    in_dialog = page.evaluate("Boolean(document.querySelector('dialog:modal'))")
    reached: set[int] = set()
    presses = 2 * len(kinds) + 6 + STOPS_IN_A_FRAME * kinds.count("IFRAME")
    for _press in range(presses):
        page.keyboard.press("Tab")
        here: dict[str, Any] = page.evaluate(HERE)
        if here["isNowhere"]:
            continue
        assert not (in_dialog and here["isOutside"]), f"{page.url}: Tab leaves the dialog for {here['what']}"
        if here["index"] < 0 or here["index"] in reached:
            continue
        reached.add(here["index"])
        if not here["isSeen"]:
            settle(page)  # a ring may fade in
            here = page.evaluate(HERE)
        assert here["isSeen"], f"{page.url}: nothing shows that the focus is on {here['what']}"
        assert not here["isCovered"], f"{page.url}: something hides {here['what']} while it has the focus"
        if len(reached) == len(kinds):
            return
    missed = page.evaluate(
        "(reached) => globalThis.stops.all.filter((_e, i) => !reached.includes(i)).map(globalThis.stops.describe)",
        sorted(reached),
    )
    assert not missed, f"{page.url}: Tab does not reach\n" + "\n".join(missed)


#: What opens a dialog or a menu.
OPENERS = "[data-opens], button[command=show-modal], button[popovertarget]:not([popovertargetaction=hide])"


def assert_dialogs(page: Page) -> int:
    """Each dialog and menu of the page opens by Enter, holds the focus if it is modal, closes by Escape, and gives the
    focus back. How many there are."""
    openers = page.locator(OPENERS)
    count = 0
    for number in range(openers.count()):
        opener = openers.nth(number)
        if not opener.is_visible() or opener.evaluate("e => Boolean(e.closest('dialog, [popover]'))"):
            continue
        count += 1
        opener.focus()
        page.keyboard.press("Enter")
        what = opener.evaluate("e => e.outerHTML.slice(0, 160)")
        is_open = "() => Boolean(document.querySelector('dialog:modal, [popover]:popover-open'))"
        page.wait_for_function(is_open)
        if page.evaluate("Boolean(document.querySelector('dialog:modal'))"):
            assert_keyboard(page)
        else:
            page.keyboard.press("Tab")
            inside = "Boolean(document.activeElement.closest('[popover]:popover-open'))"
            assert page.evaluate(inside), f"{page.url}: Tab does not lead into what {what} opens"
        page.keyboard.press("Escape")
        page.wait_for_function(f"!({is_open})()")
        assert opener.evaluate("e => e === document.activeElement"), f"{page.url}: the focus does not return to {what}"
    return count

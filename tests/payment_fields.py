"""The gateway's fields in their frame, as a customer fills them in."""

import re

from playwright.sync_api import FrameLocator, Locator, Page, expect


def payment_fields(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[title='Secure card payment input frame']")


def type_into(field: Locator, text: str) -> None:
    """Until the field holds it: into a frame of another origin, letters can come before the focus and be lost."""
    for _time in range(5):
        field.fill(text)
        if re.sub(r"\W", "", field.input_value()).lower() == text.lower():
            return
    raise AssertionError(f"{text} cannot be typed; the field holds {field.input_value()!r}.")


def enter_card(page: Page, number: str) -> None:
    """A card's number, expiry and security code, once the payment form is ready for them."""
    expect(page.locator("form[data-state=ready]")).to_be_visible()
    fields = payment_fields(page)
    type_into(fields.locator("[name=number]"), number)
    type_into(fields.locator("[name=expiry]"), "1234")
    type_into(fields.locator("[name=cvc]"), "123")

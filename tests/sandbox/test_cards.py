from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import Tenant, error_of, open_account

DECLINES = [
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded"),
]


@pytest.mark.parametrize(("card", "code", "decline_code"), DECLINES)
def test_declined_when_saved(shop: Tenant, card: str, code: str, decline_code: str) -> None:
    intent = shop.v1.setup_intents.create({"customer": shop.customer().id})
    with pytest.raises(stripe.CardError) as declined:
        shop.v1.setup_intents.confirm(intent.id, {"payment_method": card})
    error = error_of(declined)
    assert (declined.value.http_status, error.code, error.decline_code) == (402, code, decline_code)
    assert error.setup_intent.status == "requires_payment_method"
    now = shop.v1.setup_intents.retrieve(intent.id)
    assert now.last_setup_error.decline_code == decline_code
    assert now.last_setup_error.payment_method.card.brand == "visa"
    assert shop.event_types()[-1] == "setup_intent.setup_failed"
    good = shop.v1.setup_intents.confirm(intent.id, {"payment_method": "pm_card_visa", "expand": ["payment_method"]})
    assert (good.status, good.payment_method.customer) == ("succeeded", good.customer)


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ({"number": "4242424242424241"}, "incorrect_number"),
        ({"number": "4111111111111111"}, "card_declined"),
        ({"exp_year": 2020}, "invalid_expiry_year"),
        ({"exp_month": 13}, "invalid_expiry_month"),
        ({"cvc": "12"}, "invalid_cvc"),
    ],
)
def test_refuses_what_cannot_be_a_card(shop: Tenant, card: dict[str, Any], code: str) -> None:
    given = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123", **card}
    with pytest.raises(stripe.CardError) as refused:
        shop.v1.payment_methods.create({"type": "card", "card": given})
    assert refused.value.code == code


@pytest.mark.parametrize("brand", ["visa", "mastercard", "amex", "discover", "diners", "jcb", "unionpay"])
def test_brands(shop: Tenant, brand: str) -> None:
    method = shop.v1.payment_methods.create({"type": "card", "card": {"token": f"tok_{brand}"}})
    assert (method.card.brand, method.customer) == (brand, None)


def test_fingerprint_is_the_numbers_within_an_account(shop: Tenant) -> None:
    one, two = (shop.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}) for _ in range(2))
    other = open_account(shop.box).v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    assert one.card.fingerprint == two.card.fingerprint != other.card.fingerprint


def charge(shop: Tenant, customer: str, method: str, **more: object) -> Any:
    terms = {"amount": 900, "currency": "eur", "customer": customer, "payment_method": method, "confirm": True}
    return shop.v1.payment_intents.create({**terms, "off_session": True, **more})


def save(shop: Tenant, card: str, outcome: str = "complete") -> tuple[str, str, str]:
    """Save a card, answering 3-D Secure if asked: customer, method, the intent's status."""
    customer = shop.customer().id
    intent = shop.v1.setup_intents.create({"customer": customer, "usage": "off_session"})
    intent = shop.v1.setup_intents.confirm(intent.id, {"payment_method": card, "return_url": "https://shop.example/"})
    method = intent.payment_method
    if intent.status == "requires_action":
        assert intent.next_action.redirect_to_url.return_url == "https://shop.example/"
        shop.box.control("POST", f"authenticate/{intent.id}", json={"outcome": outcome})
        intent = shop.v1.setup_intents.retrieve(intent.id)
    return customer, method, intent.status


def test_authentication_on_setup_then_off_session(shop: Tenant) -> None:
    customer, method, status = save(shop, "pm_card_authenticationRequiredOnSetup")
    assert status == "succeeded"
    assert charge(shop, customer, method).status == "succeeded"
    types = shop.event_types()
    asked, attached = types.index("setup_intent.requires_action"), types.index("payment_method.attached")
    assert asked < attached < types.index("setup_intent.succeeded")


def test_failed_authentication(shop: Tenant) -> None:
    customer, _, status = save(shop, "pm_card_authenticationRequiredOnSetup", "fail")
    assert status == "requires_payment_method"
    intent = shop.v1.setup_intents.list({"customer": customer}).data[0]
    assert intent.last_setup_error.code == "setup_intent_authentication_failure"
    assert shop.v1.payment_methods.list({"customer": customer}).data == []


@pytest.mark.parametrize(
    ("card", "decline_code"),
    [
        ("pm_card_authenticationRequired", "authentication_required"),
        ("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeCustomerFail", "generic_decline"),
    ],
)
def test_saved_but_declined_when_charged(shop: Tenant, card: str, decline_code: str) -> None:
    customer, method, status = save(shop, card)
    assert status == "succeeded"
    with pytest.raises(stripe.CardError) as declined:
        charge(shop, customer, method)
    assert error_of(declined).decline_code == decline_code
    assert error_of(declined).payment_intent.status == "requires_payment_method"
    assert shop.event_types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]


def test_already_set_up_for_off_session(shop: Tenant) -> None:
    customer, method, status = save(shop, "pm_card_authenticationRequiredSetupForOffSession")
    assert (status, charge(shop, customer, method).status) == ("succeeded", "succeeded")
    on_session = charge(shop, customer, method, off_session=False)
    assert on_session.status == "requires_action"
    shop.box.control("POST", f"authenticate/{on_session.id}", json={})
    assert shop.v1.payment_intents.retrieve(on_session.id).status == "succeeded"


def test_intents_that_have_ended(shop: Tenant) -> None:
    intent = shop.v1.setup_intents.create({"customer": shop.customer().id})
    assert shop.v1.setup_intents.cancel(intent.id).status == "canceled"
    for verb in (shop.v1.setup_intents.cancel, shop.v1.setup_intents.confirm):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            verb(intent.id)
        assert refused.value.code == "setup_intent_unexpected_state"
        assert error_of(refused).setup_intent.id == intent.id

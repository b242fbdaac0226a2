"""Objects at the sandbox gateway, as a browser, a colleague at the dashboard or time itself would have made them."""

from typing import Any

import stripe

from payments.gateway.port import SetupFacts
from payments.gateway.stripe_adapter import StripeGateway
from tests.processes import Sandbox


def gateway_of(sandbox: Sandbox, slug: str = "acme") -> StripeGateway:
    return StripeGateway(sandbox.create_account(slug)["secret_key"])


class Shelf:
    """One account at the sandbox; `stripe` is a client of it that is not ours."""

    def __init__(self, sandbox: Sandbox, slug: str = "acme") -> None:
        self.sandbox = sandbox
        self.slug = slug
        self.account = sandbox.create_account(slug)
        self.gateway = StripeGateway(self.account["secret_key"])
        base = sandbox.url
        self.stripe = stripe.StripeClient(self.account["secret_key"], base_addresses={"api": base})
        self._made = 0

    def _id(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}_{self.slug}{self._made}"

    def _seed_customer(self, customer: str, **more: Any) -> None:
        self.sandbox.seed(account=self.slug, customers=[{"id": customer, **more}])

    def customer(self) -> str:
        customer = self._id("cus")
        self._seed_customer(customer, name="Bob Tremblay", email="bob@example.com")
        return customer

    def method(self, customer: str, **card: Any) -> str:
        """A saved card of the customer's; `card` names a test card, `number` gives a test card's number."""
        method = self._id("pm")
        self._seed_customer(customer, payment_methods=[{"id": method, **card}])
        return method

    def loose_method(self) -> str:
        return self.stripe.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}).id

    def subscription(self, customer: str, status: str = "active", **more: Any) -> str:
        """19.99 CAD a month; when past due, with its open invoice."""
        subscription = self._id("sub")
        self.sandbox.seed(
            account=self.slug,
            products=[{"id": "prod_magazine", "name": "Magazine"}],
            prices=[
                {
                    "id": "price_magazine",
                    "product": "prod_magazine",
                    "unit_amount": 1999,
                    "currency": "cad",
                    "interval": "month",
                }
            ],
            customers=[
                {
                    "id": customer,
                    "subscriptions": [{"id": subscription, "price": "price_magazine", "status": status, **more}],
                }
            ],
        )
        return subscription

    def fill_in(self, setup: SetupFacts, card: str = "visa") -> str:
        """Confirm a card entry as the browser does; the setup's status, or the decline's code."""
        browser = stripe.StripeClient(self.account["publishable_key"], base_addresses={"api": self.sandbox.url})
        params: Any = {"payment_method": f"pm_card_{card}", "client_secret": setup.client_secret}
        try:
            return browser.v1.setup_intents.confirm(setup.id, params).status
        except stripe.CardError as error:
            return error.code or "declined"

    def objects(self, kind: str) -> list[dict[str, Any]]:
        return list(self.sandbox.control("GET", f"objects/{kind}", params={"account": self.slug}))

    def object(self, kind: str, object_id: str) -> dict[str, Any]:
        return next(found for found in self.objects(kind) if found["id"] == object_id)

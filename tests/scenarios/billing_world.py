"""The plans as customers, cards, prices and subscriptions of a tenant, here and at the sandbox."""

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import time_machine
from django.db import connection

from customers.models import Customer
from customers.services import update_customer
from payments.models import GatewayCustomer, PaymentProfile
from propagation.engine import carry_out_next
from subscriptions.balance import add_balance_entry
from subscriptions.billing.run import bill_due
from subscriptions.collection.engine import collect_due
from subscriptions.lifecycle import (
    cancel_subscription,
    change_quantity,
    pause_subscription,
    resume_subscription,
    undo_cancellation,
)
from subscriptions.models import Invoice, Subscription, SubscriptionState
from subscriptions.services import create_price, create_product, create_subscription
from subscriptions.taxes import create_tax_rate, end_tax_rate
from tenants.actors import Actor
from tenants.models import DunningOutcome
from tenants.scope import tenant_scope
from tests import factories
from tests.processes import Sandbox, wait_until
from tests.scenarios.billing_calculator import AGAIN_AT, RETRY_DAYS, RUN_AT, ZONE, Plan, at
from tests.scenarios.billing_plans import CREDIT_DAY, FIRST_DAY, TAX_CHANGE

ACCOUNT = "acme"
ACTOR = Actor.system("test")
GOOD, DECLINES = "4242424242424242", "4000000000000341"


class BillingWorld:
    """Plan `key` is customer `bob<key>` with the card `pm_<key>` and one subscription."""

    def __init__(self, sandbox: Sandbox, plans: list[Plan]) -> None:
        self.sandbox = sandbox
        self.plans = plans
        self.tenant = factories.TenantFactory(
            slug=ACCOUNT,
            country="CA",
            currency="CAD",
            time_zone=str(ZONE),
            dunning_retry_days=RETRY_DAYS,
            dunning_outcome=DunningOutcome.CANCEL,
            dunning_invites=False,
        )
        with tenant_scope(self.tenant.pk):
            factories.sandbox_account(sandbox, ACCOUNT)
        sandbox.control("POST", f"accounts/{ACCOUNT}/rate_limit", json={"per_second": None})
        with time_machine.travel(at(FIRST_DAY, time(9)), tick=False):
            self._add_rows()
        sandbox.seed(
            account=ACCOUNT,
            customers=[
                {
                    "id": f"cus_{plan.key}",
                    "name": f"Bob {plan.key}",
                    "payment_methods": [
                        {
                            "id": f"pm_{plan.key}",
                            "number": DECLINES if plan.declines else GOOD,
                            "exp_month": 12,
                            "exp_year": 2034,
                        }
                    ],
                    "default_payment_method": f"pm_{plan.key}",
                }
                for plan in plans
            ],
        )

    def scope(self) -> Any:
        return tenant_scope(self.tenant.pk)

    def _add_rows(self) -> None:
        with self.scope():
            product = create_product(actor=ACTOR, name_en="Magazine", name_fr="Revue")
            self._add_rates()
            prices: dict[tuple[str, int, int, int], Any] = {}
            self.subscriptions: dict[int, Any] = {}
            for plan in self.plans:
                shape = (plan.interval, plan.count, plan.unit_minor, plan.trial_days)
                if shape not in prices:
                    prices[shape] = create_price(
                        actor=ACTOR,
                        product=product,
                        amount_minor=plan.unit_minor,
                        currency="CAD",
                        interval=plan.interval,
                        interval_count=plan.count,
                        trial_days=plan.trial_days,
                    )
                self.subscriptions[plan.key] = create_subscription(
                    actor=ACTOR,
                    customer=self._add_customer(plan),
                    price=prices[shape],
                    quantity=plan.quantity,
                    started_at=plan.starts,
                ).pk

    def _add_rates(self) -> None:
        everything = {"actor": ACTOR, "name_fr": "", "country": "CA", "product": None, "reverse_charge": False}
        for code, percent, region in (("GST", "5", "QC"), ("QST", "9.975", "QC"), ("HST", "13", "ON")):
            create_tax_rate(
                code=code,
                name_en=code,
                percent=Decimal(percent),
                region=region,
                valid_from=None,
                valid_until=None,
                **everything,
            )

    def _add_customer(self, plan: Plan) -> Customer:
        customer = factories.CustomerFactory(first_name="Bob", last_name=str(plan.key), email="")
        country, region = ("US", "NY") if plan.place == "US" else ("CA", plan.place)
        factories.AddressFactory(customer=customer, country=country, region=region)
        GatewayCustomer.objects.create(customer=customer, gateway_id=f"cus_{plan.key}")
        PaymentProfile.objects.create(
            customer=customer,
            gateway_id=f"pm_{plan.key}",
            brand="visa",
            last4="4242",
            exp_month=12,
            exp_year=2034,
            is_default=True,
        )
        return customer

    def people_act(self, day: date) -> None:
        """What staff and customers do on this day, at 11:00 UTC."""
        with time_machine.travel(at(day, time(11)), tick=False), self.scope():
            if day == TAX_CHANGE - timedelta(days=5):
                self._change_tax()
            for plan in self.plans:
                if not self._acts(plan, day):
                    continue
                subscription = Subscription.objects.get(pk=self.subscriptions[plan.key])
                if subscription.state != SubscriptionState.CANCELLED:
                    self._act(plan, subscription, day)

    def _change_tax(self) -> None:
        from subscriptions.models import TaxRate

        old = TaxRate.objects.get(code="QST")
        end_tax_rate(actor=ACTOR, rate=old, valid_until=TAX_CHANGE)
        create_tax_rate(
            actor=ACTOR,
            code="QST",
            name_en="QST",
            name_fr="TVQ",
            percent=Decimal("10.5"),
            country="CA",
            region="QC",
            product=None,
            reverse_charge=False,
            valid_from=TAX_CHANGE,
            valid_until=None,
        )

    @staticmethod
    def _acts(plan: Plan, day: date) -> bool:
        return day in (
            *(plan.paused or ()),
            plan.cancels_on,
            plan.undoes_on,
            plan.ends_now_on,
            plan.exempt_from,
            (plan.new_quantity or (None,))[0],
            (plan.credit or (None,))[0],
        )

    def _act(self, plan: Plan, subscription: Subscription, day: date) -> None:
        if plan.credit and day == CREDIT_DAY:
            add_balance_entry(
                actor=ACTOR,
                customer=subscription.customer,
                currency="CAD",
                amount_minor=plan.credit[1],
                reason="Sorry",
            )
        if plan.exempt_from == day:
            self._exempt(subscription.customer)
        if plan.new_quantity and plan.new_quantity[0] == day:
            change_quantity(actor=ACTOR, subscription=subscription, quantity=plan.new_quantity[1])
        if plan.ends_now_on == day:
            cancel_subscription(actor=ACTOR, subscription=subscription, at_period_end=False)
        if plan.cancels_on == day:
            cancel_subscription(actor=ACTOR, subscription=subscription, at_period_end=True)
        if plan.undoes_on == day:
            undo_cancellation(actor=ACTOR, subscription=subscription)
        if plan.paused and plan.paused[0] == day:
            pause_subscription(actor=ACTOR, subscription=subscription)
        if plan.paused and plan.paused[1] == day and subscription.state == "paused":
            resume_subscription(actor=ACTOR, subscription=subscription)

    @staticmethod
    def _exempt(customer: Customer) -> None:
        update_customer(actor=ACTOR, customer=customer, values={"tax_exempt": True})

    def run(self, day: date) -> None:
        """The day's two passes, in this process."""
        for moment in (at(day, RUN_AT), at(day, AGAIN_AT)):
            self.run_at(moment)

    def run_at(self, moment: datetime) -> None:
        with time_machine.travel(moment, tick=False):
            while bill_due(self.tenant.pk, now=moment).more:
                pass
            while collect_due(self.tenant.pk, now=moment, seconds=60):
                pass
            while carry_out_next(self.tenant.pk):
                pass

    def run_and_be_killed(self, day: date, after_charges: int) -> None:
        """The day's run in a process of its own, killed when it has made that many charges."""
        before = self.charges_asked_for()
        url = urlsplit(os.environ["DATABASE_URL"])
        name = connection.settings_dict["NAME"]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.scenarios.billing_day", str(self.tenant.pk), at(day, RUN_AT).isoformat()],
            env=os.environ | {"DATABASE_URL": url._replace(path=f"/{name}").geturl()},
            start_new_session=True,
        )
        try:
            wait_until(
                lambda: process.poll() is not None or self.charges_asked_for() >= before + after_charges,
                what="some charges of the run that is killed",
            )
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def charges_asked_for(self) -> int:
        asked = self.sandbox.requests(account=ACCOUNT, path="/v1/payment_intents/*/confirm", limit=1_000_000)
        return len(asked)

    def invoices(self) -> list[Invoice]:
        with self.scope():
            return list(Invoice.objects.order_by("number"))

    def money_taken(self) -> Counter[tuple[str, int]]:
        """(invoice id, amount): how many payments of it succeeded at the sandbox."""
        answer = self.sandbox.control("GET", "objects/payment_intent", params={"account": ACCOUNT, "limit": 1_000_000})
        rows = answer["data"] if isinstance(answer, dict) else answer
        return Counter(
            (row["metadata"]["invoice_id"], row["amount_received"]) for row in rows if row["status"] == "succeeded"
        )

"""Subscriptions and invoices as the lists show them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import ExtractMonth, ExtractYear
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.filters import FilterForm, choice, period_choice, set_choices, since
from backoffice.text import numbered_match
from customers.models import Customer
from payments.models import PaymentProfile, ProfileState
from subscriptions.models import LIVE_STATES, BilledBy, Invoice, InvoiceState, Product, Subscription, SubscriptionState
from subscriptions.selectors import Why, paying_profile

WHY = {
    Why.PINNED: _("pinned to it"),
    Why.DEFAULT: _("customer's default"),
    Why.BACKUP: _("customer's backup"),
    Why.NONE: _("no payment method"),
}
#: The same as a sentence, after the payment method's name.
BECAUSE = {
    Why.PINNED: _("pays next, because it is pinned to this subscription."),
    Why.DEFAULT: _("pays next, because it is the customer's default."),
    Why.BACKUP: _("pays next, because it is the customer's backup, and nothing before it can be charged."),
    Why.NONE: _("Nothing pays: the customer has no payment method that can be charged."),
}
PAYS = {
    "ends": _("Card ends before the next charge"),
    "none": _("Nothing pays"),
    "pinned": _("A pinned method pays"),
    "default": _("The default pays"),
    "backup": _("The backup pays"),
}
SUBSCRIPTION_CHIPS = {"": _("All"), "live": _("Live"), **{s.value: s.label for s in SubscriptionState}}
INVOICE_CHIPS: dict[str, str | Promise] = {
    "": _("All"),
    "past_due": _("Past due"),
    "open": _("Open"),
    "paid": _("Paid"),
    "void": _("Void"),
    "uncollectible": _("Uncollectible"),
}


@dataclass(frozen=True)
class ShownSubscription:
    """`pays` is the method that the next charge goes to, `why` in words; `ends_too_early`: it expires before."""

    subscription: Subscription
    pays: PaymentProfile | None
    why: str | Promise
    because: str | Promise
    ends_too_early: bool

    @property
    def next_at(self) -> datetime | None:
        return next_charge_at(self.subscription)


def _active_default(customer: str) -> Exists:
    return Exists(
        PaymentProfile.objects.filter(customer=OuterRef(customer), is_default=True, state=ProfileState.ACTIVE)
    )


def _active_backup(customer: str) -> Exists:
    return Exists(PaymentProfile.objects.filter(customer=OuterRef(customer), is_backup=True, state=ProfileState.ACTIVE))


def next_charge_at(subscription: Subscription) -> datetime | None:
    """When its next invoice is due to be made, by us or by the gateway."""
    return subscription.next_billing_at or subscription.current_period_end


def ends_before_next_charge() -> QuerySet[Subscription]:
    """Live subscriptions whose paying card's last valid month is before the month of the next charge."""
    charge_month = ExtractYear("current_period_end") * 12 + ExtractMonth("current_period_end")
    pinned_dies = Q(
        payment_profile__state=ProfileState.ACTIVE,
        _charge_month__gt=F("payment_profile__exp_year") * 12 + F("payment_profile__exp_month"),
    )
    default_dies = Exists(
        PaymentProfile.objects.filter(customer=OuterRef("customer"), is_default=True, state=ProfileState.ACTIVE)
        .filter(exp_year__isnull=False)
        .annotate(last=F("exp_year") * 12 + F("exp_month"))
        .filter(last__lt=OuterRef("_charge_month"))
    )
    follows_default = Q(payment_profile=None) | ~Q(payment_profile__state=ProfileState.ACTIVE)
    return (
        Subscription.objects.filter(
            state__in=LIVE_STATES, current_period_end__gt=timezone.now(), cancel_at_period_end=False
        )
        .exclude(state=SubscriptionState.PAUSED)
        .annotate(_charge_month=charge_month)
        .filter(pinned_dies | (follows_default & Q(default_dies)))
    )


class SubscriptionFilters(FilterForm):
    placeholder = _("Search customer or S-number")
    billed_by = choice(_("Billed by anyone"), BilledBy.choices)
    product = choice(_("Any product"), [])
    pays = choice(_("Any payment method"), list(PAYS.items()))

    def prepare(self) -> None:
        products = [(str(product.pk), product.name) for product in Product.objects.all()[:200]]
        set_choices(self.fields["product"], products)

    def rows(self) -> QuerySet[Subscription]:
        rows = ends_before_next_charge() if self.value("pays") == "ends" else Subscription.objects.all()
        rows = rows.select_related("customer", "price__product", "payment_profile__replaced_by")
        state = self.query.get("state", "")
        if state == "live":
            rows = rows.filter(state__in=LIVE_STATES)
        elif state in SubscriptionState.values:
            rows = rows.filter(state=state)
        if billed_by := self.value("billed_by"):
            rows = rows.filter(billed_by=billed_by)
        if product := self.value("product"):
            rows = rows.filter(price__product=UUID(product))
        if text := self.text:
            rows = rows.filter(numbered_match(text, "subscription"))
        return self._by_payer(rows)

    def _by_payer(self, rows: QuerySet[Subscription]) -> QuerySet[Subscription]:
        pinned = Q(payment_profile__state=ProfileState.ACTIVE)
        follows = Q(payment_profile=None) | ~pinned
        match self.value("pays"):
            case "pinned":
                return rows.filter(pinned)
            case "default":
                return rows.filter(follows, _active_default("customer"))
            case "backup":
                return rows.filter(follows, ~_active_default("customer"), _active_backup("customer"))
            case "none":
                nobody = ~_active_default("customer") & ~_active_backup("customer")
                return rows.filter(follows, nobody, state__in=LIVE_STATES)
        return rows


type Chosen = tuple[PaymentProfile | None, PaymentProfile | None]


def chosen_of(customer_ids: Iterable[UUID]) -> dict[UUID, Chosen]:
    """Each customer's default and backup; one query for all."""
    rows = PaymentProfile.objects.filter(Q(is_default=True) | Q(is_backup=True), customer__in=set(customer_ids))
    found: dict[UUID, Chosen] = {}
    for profile in rows.select_related("replaced_by"):
        default, backup = found.get(profile.customer_id, (None, None))
        default, backup = (profile if profile.is_default else default), (profile if profile.is_backup else backup)
        found[profile.customer_id] = default, backup
    return found


def usable_profiles(customer: Customer) -> list[PaymentProfile]:
    """What can be charged of the customer's methods: the default first, then the backup, then the newest."""
    active = PaymentProfile.objects.filter(customer=customer, state=ProfileState.ACTIVE)
    return list(active.order_by("-is_default", "-is_backup", "-id"))


def with_payer(subscriptions: Iterable[Subscription]) -> list[ShownSubscription]:
    """Each with what pays next and why; one query for all."""
    subscriptions = list(subscriptions)
    chosen = chosen_of(subscription.customer_id for subscription in subscriptions)
    return [_shown(subscription, *chosen.get(subscription.customer_id, (None, None))) for subscription in subscriptions]


def _shown(
    subscription: Subscription, default: PaymentProfile | None, backup: PaymentProfile | None
) -> ShownSubscription:
    charge = next_charge_at(subscription)
    on = timezone.localdate(charge) if charge else timezone.localdate()
    pays, why = paying_profile(subscription.payment_profile, default, backup, on=on)
    end = pays.expires_on() if pays else None
    charges_again = subscription.state in LIVE_STATES and not subscription.cancel_at_period_end
    too_early = bool(charges_again and end and charge and on >= end)
    return ShownSubscription(subscription, pays, WHY[why], BECAUSE[why], too_early)


class InvoiceFilters(FilterForm):
    placeholder = _("Search customer or INV-number")
    currency = choice(_("Any currency"), [])
    period = period_choice()

    def prepare(self) -> None:
        currencies = Invoice.objects.order_by("currency").values_list("currency", flat=True).distinct()
        set_choices(self.fields["currency"], [(currency, currency) for currency in currencies])

    def rows(self) -> QuerySet[Invoice]:
        rows = Invoice.objects.select_related("customer", "subscription", "payment_profile")
        state = self.query.get("state", "")
        if state == "past_due":
            rows = past_due(rows)
        elif state in InvoiceState.values:
            rows = rows.filter(state=state)
        if currency := self.value("currency"):
            rows = rows.filter(currency=currency)
        if start := since(self.value("period")):
            rows = rows.filter(issued_at__gte=start)
        if text := self.text:
            rows = rows.filter(numbered_match(text, "invoice"))
        return rows


def past_due(rows: QuerySet[Invoice]) -> QuerySet[Invoice]:
    return rows.filter(state=InvoiceState.OPEN, due_at__lte=timezone.now())

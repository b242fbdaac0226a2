"""A way through the subscribe funnel: begun once per offer, finished once however often that is asked for.

Every function runs in the open scope.
"""

from uuid import UUID

import structlog
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from payments.models import CardSetup, PaymentProfile
from portal.errors import CheckoutError
from portal.models import Checkout, CheckoutState
from portal.offers.queries import free_days_for, offered
from propagation.models import Change
from subscriptions.billing.run import bill_locked
from subscriptions.collection import request_collection
from subscriptions.errors import BillingError
from subscriptions.invoicing import bill_purchase
from subscriptions.limits import check_quantity, hold_customer
from subscriptions.models import Invoice, InvoiceState, PaidThrough, Price, Subscription
from subscriptions.services import create_subscription
from tenants.actors import Actor
from tenants.audit import record

log = structlog.get_logger(__name__)

PURPOSE = "checkout"
LARGEST_QUANTITY = 999


def start_checkout(*, actor: Actor, customer: Customer, price: Price, quantity: int) -> Checkout:
    """Begin to buy, or go on where another tab has begun to.

    Raises CheckoutError `not_offered`, `bad_quantity`; BillingError `customer_deleted`, `bad_quantity`.
    """
    hold_customer(customer, alone=True)
    _check_offered(price)
    if not 1 <= quantity <= LARGEST_QUANTITY:
        message = _("The quantity must be between 1 and 999.")
        raise CheckoutError("bad_quantity", message, {"quantity": message})
    check_quantity(price, quantity)
    open_ones = Checkout.objects.select_for_update().filter(customer=customer, price=price, state=CheckoutState.OPEN)
    checkout = open_ones.first()
    if checkout is not None:
        checkout.quantity = quantity
        checkout.save(update_fields=["quantity"])
        return checkout
    checkout = Checkout.objects.create(customer=customer, price=price, quantity=quantity)
    after = {"price": str(price), "quantity": quantity}
    record(actor=actor, action="checkout.started", target=checkout, after=after, customer_id=customer.pk)
    return checkout


def _check_offered(price: Price) -> None:
    if not offered().filter(pk=price.pk).exists():
        raise CheckoutError("not_offered", _("This offer has ended. Choose another one."))


def finish_checkout(
    *, actor: Actor, checkout: Checkout, profile: PaymentProfile | None, quantity: int, shown_free: bool = False
) -> bool:
    """Buy what was chosen, charged to `profile` (None: there is nothing to charge). False when it was bought before.

    `quantity` is what the customer was shown, and `shown_free` whether that began with a free trial. Raises
    CheckoutError `not_offered`, `order_changed`; BillingError `customer_deleted`, `other_customer`,
    `profile_not_active`, `bad_quantity`.
    """
    # The customer before their order, as whoever begins or deletes one does; alone, so that a trial is given once.
    hold_customer(checkout.customer, alone=True)
    checkout = _lock(checkout.pk)
    if checkout.state != CheckoutState.OPEN:
        return False
    _check_offered(checkout.price)
    _check_as_shown(checkout, quantity, shown_free)
    _buy(checkout, profile, actor, pins=profile is not None and not profile.is_default)
    return True


def _check_as_shown(checkout: Checkout, quantity: int, shown_free: bool) -> None:
    if quantity != checkout.quantity or (shown_free and not free_days_for(checkout.customer, checkout.price)):
        raise CheckoutError("order_changed", _("The order was changed in the meantime. Check it and confirm again."))


def _lock(checkout_id: UUID) -> Checkout:
    rows = Checkout.objects.select_related("customer", "price__product")
    return rows.select_for_update(of=("self",)).get(pk=checkout_id)


def _buy(checkout: Checkout, profile: PaymentProfile | None, actor: Actor, *, pins: bool) -> None:
    """`pins`: the method is not the customer's default, and is to pay for this subscription all the same."""
    invoice: Invoice | None
    if checkout.price.is_recurring:
        checkout.subscription = _subscribe(checkout, profile if pins else None, actor)
        invoice = checkout.subscription.invoices.order_by("number").first()
    else:
        invoice = bill_purchase(
            actor=actor, customer=checkout.customer, price=checkout.price, quantity=checkout.quantity
        )
    checkout.invoice_id = invoice.pk if invoice else None
    checkout.state, checkout.finished_at = CheckoutState.DONE, timezone.now()
    checkout.save(update_fields=["subscription", "invoice_id", "state", "finished_at", "setup"])
    after = {"subscription": str(checkout.subscription or ""), "invoice": str(invoice or "")}
    record(actor=actor, action="checkout.finished", target=checkout, after=after, customer_id=checkout.customer_id)
    if invoice is not None and invoice.state == InvoiceState.OPEN and profile is not None:
        # As its scheduled charge: a decline is not followed by another one at once.
        request_collection(actor=actor, invoice=invoice, through=PaidThrough.RENEWAL, profile=profile)


def _subscribe(checkout: Checkout, pinned: PaymentProfile | None, actor: Actor) -> Subscription:
    """Billed at once, not when the run comes round."""
    subscription = create_subscription(
        actor=actor,
        customer=checkout.customer,
        price=checkout.price,
        quantity=checkout.quantity,
        payment_profile=pinned,
        trial_days=free_days_for(checkout.customer, checkout.price),
    )
    now = timezone.now()
    due = Subscription.objects.select_related("customer", "price__product", "payment_profile__replaced_by")
    locked = list(due.select_for_update(of=("self",)).filter(pk=subscription.pk, next_billing_at__lte=now))
    bill_locked(locked, now=now, actor=actor)
    return subscription


def claim_checkout(setup: CardSetup, actor: Actor) -> bool:
    """A method entered for a checkout that another tab has finished is not kept."""
    if setup.purpose_id is None:
        return False
    rows = Checkout.objects.select_for_update().filter(pk=setup.purpose_id, customer_id=setup.customer_id)
    return any(checkout.state == CheckoutState.OPEN for checkout in rows)


def finish_with_new_method(setup: CardSetup, change: Change) -> None:
    """Buy in the transaction that records the method: whether or not the browser is still there."""
    if setup.purpose_id is None:
        return
    checkout = _lock(setup.purpose_id)
    checkout.setup = setup
    actor = Actor.from_json(setup.actor)
    profile = PaymentProfile.objects.get(pk=setup.profile_id) if setup.profile_id else None
    try:
        _check_offered(checkout.price)
        # The page with the card's fields was shown when the entry was begun.
        shown_free = free_days_for(checkout.customer, checkout.price, before=setup.created_at) > 0
        _check_as_shown(checkout, checkout.quantity, shown_free)
        _buy(checkout, profile, actor, pins=not setup.make_default)
    except (BillingError, CheckoutError) as error:
        # The method is saved; what was to be bought is not to be had any more.
        log.info("checkout_not_finished", checkout=str(checkout.pk), error=error.code)
        Checkout.objects.filter(pk=checkout.pk).update(state=CheckoutState.ABANDONED, finished_at=timezone.now())

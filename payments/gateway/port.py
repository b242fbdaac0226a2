"""The gateway as the rest of the product knows it: operations in our own terms, plain values in and out.

Every call is a network call: it raises OpenTransaction inside a database transaction. Calls that change something take
`key`, the idempotency key: the same key with the same arguments has its effect once. Errors are in `errors`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from payments.gateway.errors import GatewayError


@dataclass(frozen=True)
class AccountFacts:
    id: str
    name: str
    livemode: bool


@dataclass(frozen=True)
class PostalAddress:
    """`region` is a province's or state's code or name; `country` ISO 3166-1 alpha-2."""

    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""


@dataclass(frozen=True)
class CustomerDetails:
    """What the gateway keeps about a customer; empty text clears the field there."""

    name: str
    email: str = ""
    phone: str = ""
    address: PostalAddress = field(default_factory=PostalAddress)
    metadata: Mapping[str, str] = field(default_factory=dict)
    language: str = ""


@dataclass(frozen=True)
class CustomerFacts:
    id: str
    default_method: str | None
    name: str = ""
    email: str = ""
    phone: str = ""
    address: PostalAddress = field(default_factory=PostalAddress)

    def has(self, details: CustomerDetails) -> bool:
        """Whether the gateway knows the customer just so."""
        return (self.name, self.email, self.phone, self.address) == (
            details.name,
            details.email,
            details.phone,
            details.address,
        )


@dataclass(frozen=True)
class MethodFacts:
    """A payment method at the gateway. `customer` is None until it is attached, and once detached. `exp_month` 1-12.

    `kind` is the gateway's word: `card`, `sepa_debit`, `us_bank_account`. A bank account has no expiry, and its bank's
    name, as far as the gateway tells, for a brand.
    """

    id: str
    kind: str
    customer: str | None
    brand: str
    last4: str
    exp_month: int | None
    exp_year: int | None
    fingerprint: str
    holder_name: str
    address: PostalAddress
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class SetupFacts:
    """A payment method being entered (SetupIntent). `status` is Stripe's word; `error` tells of its last failed try.

    `attempt` is the gateway's id of the last try, empty before the first. `next_action` is what it waits for:
    `authenticate` (3-D Secure) or `verify_deposits`. `verification` of a bank account by small deposits: `pending` (the
    holder tells the amounts or the code at `hosted_verification_url`), `verified` or `failed`; empty for other kinds.
    `mandate` is the gateway's id of the debit mandate that the holder accepted.
    """

    id: str
    status: str
    client_secret: str = field(repr=False)
    customer: str | None
    metadata: Mapping[str, str]
    method: MethodFacts | None
    error: GatewayError | None
    attempt: str = ""
    next_action: str = ""
    verification: str = ""
    hosted_verification_url: str = ""
    mandate: str = ""


@dataclass(frozen=True)
class SubscriptionFacts:
    """`default_method` None means that the customer's default pays. Times are UTC epoch seconds."""

    id: str
    customer: str
    status: str
    default_method: str | None
    current_period_start: int | None
    current_period_end: int | None
    cancel_at_period_end: bool


@dataclass(frozen=True)
class InvoiceFacts:
    """Amounts in minor units; `currency` ISO 4217, upper case; `payment` the PaymentIntent that settled it, if told.

    `created` and `due` are UTC epoch seconds; `due` None means at once.
    """

    id: str
    customer: str
    subscription: str | None
    status: str
    amount_due_minor: int
    amount_paid_minor: int
    currency: str
    attempt_count: int
    default_method: str | None
    payment: str = ""
    created: int = 0
    due: int | None = None


@dataclass(frozen=True)
class PaymentFacts:
    """A payment (PaymentIntent). `status` is Stripe's word; `method` the one last tried, `charge` the last charge.

    A bank payment is `processing` for days before it succeeds or fails. `client_secret` lets the payer's browser
    confirm it; `next_action` is `authenticate` while it waits for them.
    """

    id: str
    status: str
    amount_minor: int
    currency: str
    method: str | None
    metadata: Mapping[str, str]
    error: GatewayError | None
    client_secret: str = field(default="", repr=False)
    next_action: str = ""
    charge: str = ""


@dataclass(frozen=True)
class RefundFacts:
    """Money on its way back. `status`: `pending`, `requires_action`, `succeeded`, `failed` or `canceled`.

    A refund may fail days after it succeeded. `failure_code` is the gateway's word for why.
    """

    id: str
    status: str
    amount_minor: int
    currency: str
    payment: str
    metadata: Mapping[str, str]
    failure_code: str = ""


class Gateway(Protocol):
    """One tenant's account at the gateway. Thread-safe."""

    #: Names the account to the rate limiter; no secret.
    account_key: str

    def read_account(self) -> AccountFacts: ...

    def accepts_publishable_key(self, publishable_key: str, *, key: str) -> bool:
        """Whether the browser's key belongs to the same account as ours."""

    def register_webhook(self, *, url: str, event_types: Sequence[str], key: str) -> tuple[str, str]:
        """(endpoint id, signing secret). Endpoints that the account had at this URL before are removed."""

    def create_customer(self, *, details: CustomerDetails, key: str) -> CustomerFacts: ...
    def read_customer(self, customer: str) -> CustomerFacts: ...
    def update_customer(self, customer: str, *, details: CustomerDetails, key: str) -> CustomerFacts: ...
    def set_default_method(self, customer: str, *, method: str, key: str) -> CustomerFacts: ...

    def read_method(self, method: str) -> MethodFacts: ...
    def attach_method(self, method: str, *, customer: str, key: str) -> MethodFacts: ...
    def update_method(
        self,
        method: str,
        *,
        key: str,
        holder_name: str | None = None,
        address: PostalAddress | None = None,
        exp_month: int | None = None,
        exp_year: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> MethodFacts:
        """Change only what is given; metadata is merged, an empty value removes its key."""

    def detach_method(self, method: str, *, key: str) -> MethodFacts: ...

    def create_setup(
        self, *, customer: str, metadata: Mapping[str, str], key: str, kinds: Sequence[str] = ("card",)
    ) -> SetupFacts:
        """`kinds` are the kinds of method that may be entered."""

    def read_setup(self, setup: str) -> SetupFacts: ...
    def cancel_setup(self, setup: str, *, key: str) -> SetupFacts: ...

    def read_subscription(self, subscription: str) -> SubscriptionFacts: ...
    def set_subscription_method(self, subscription: str, *, method: str, key: str) -> SubscriptionFacts: ...

    def read_invoice(self, invoice: str) -> InvoiceFacts: ...
    def set_invoice_method(self, invoice: str, *, method: str, key: str) -> InvoiceFacts: ...
    def pay_invoice(self, invoice: str, *, method: str, key: str) -> InvoiceFacts: ...

    def create_payment(
        self,
        *,
        customer: str,
        amount_minor: int,
        currency: str,
        description: str,
        metadata: Mapping[str, str],
        key: str,
        kinds: Sequence[str] = ("card",),
    ) -> PaymentFacts:
        """A payment that still waits for `confirm_payment`; nothing is charged yet.

        `kinds` are the kinds of method that may pay it; those that cannot pay its currency are left out.
        """

    def find_payment(self, *, customer: str, metadata: Mapping[str, str]) -> PaymentFacts | None:
        """The customer's newest payment that carries all of this metadata, if there is one."""

    def read_payment(self, payment: str) -> PaymentFacts: ...
    def confirm_payment(self, payment: str, *, method: str, key: str) -> PaymentFacts:
        """Charge off session; one that succeeded is never charged again. Raises Declined or NeedsAuthentication.

        A bank account's payment comes back `processing`; its end is told by an event.
        """

    def cancel_payment(self, payment: str, *, key: str) -> PaymentFacts:
        """One that has ended, or is being processed, is returned as it is."""

    def create_refund(
        self, *, payment: str, amount_minor: int, metadata: Mapping[str, str], key: str
    ) -> RefundFacts: ...
    def find_refund(self, *, payment: str, metadata: Mapping[str, str]) -> RefundFacts | None:
        """The payment's newest refund that carries all of this metadata, if there is one."""

    def read_refund(self, refund: str) -> RefundFacts: ...

    def log_url(self, request_id: str) -> str:
        """Where staff can read a request in the gateway's own log; empty when there is no id."""

"""The gateway, as Stripe. The only package that imports `stripe`."""

from payments.gateway.stripe_adapter.gateway import StripeGateway
from payments.gateway.stripe_adapter.signatures import BadSignature, SignedEvent, read_signed_event

__all__ = ["BadSignature", "SignedEvent", "StripeGateway", "read_signed_event"]

"""Rules about payment methods and gateway accounts that can be broken."""

from tenants.errors import DomainError


class GatewayAccountError(DomainError):
    """The gateway account cannot be connected."""


class ProfileError(DomainError):
    """A payment method cannot be used so."""


class CardSetupError(DomainError):
    """A card cannot be entered now."""

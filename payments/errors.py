"""Rules about payment methods and gateway accounts that can be broken."""

from tenants.errors import DomainError


class GatewayAccountError(DomainError):
    """The gateway account cannot be connected."""


class CardSetupError(DomainError):
    """A card cannot be entered now."""

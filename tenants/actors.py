"""Who acts. Every service takes an Actor, and every audit row names one."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from uuid import UUID

from django.utils.translation import gettext_lazy as _


class ActorKind(StrEnum):
    STAFF = "staff"
    CUSTOMER_PORTAL = "customer_portal"
    CUSTOMER_INVITATION = "customer_invitation"
    CUSTOMER_PAY_LINK = "customer_pay_link"
    API_KEY = "api_key"
    GATEWAY = "gateway"
    SYSTEM = "system"

    @property
    def is_customer(self) -> bool:
        """Whichever door they came through."""
        return self in (self.CUSTOMER_PORTAL, self.CUSTOMER_INVITATION, self.CUSTOMER_PAY_LINK)

    @property
    def label(self) -> str:
        return str(_ACTOR_LABELS[self])


_ACTOR_LABELS = {
    ActorKind.STAFF: _("Staff"),
    ActorKind.CUSTOMER_PORTAL: _("Customer, in the portal"),
    ActorKind.CUSTOMER_INVITATION: _("Customer, by invitation"),
    ActorKind.CUSTOMER_PAY_LINK: _("Customer, by the pay link"),
    ActorKind.API_KEY: _("API key"),
    ActorKind.GATEWAY: _("Payment gateway"),
    ActorKind.SYSTEM: _("System"),
}


@dataclass(frozen=True)
class Actor:
    """`id` is the staff user's, invitation's, customer's or key's id, or the gateway event's; `label` is shown."""

    kind: ActorKind
    id: str
    label: str
    ip: str | None = None

    def as_json(self) -> dict[str, str]:
        """As a row keeps who had its work done; without the address."""
        return {"kind": str(self.kind), "id": self.id, "label": self.label}

    @classmethod
    def from_json(cls, kept: dict[str, str], ip: str | None = None) -> Self:
        """Who `as_json` told of."""
        return cls(ActorKind(kept["kind"]), kept["id"], kept["label"], ip)

    @classmethod
    def staff(cls, user_id: UUID, label: str, ip: str | None = None) -> Self:
        return cls(ActorKind.STAFF, str(user_id), label, ip)

    @classmethod
    def invitation(cls, invitation_id: UUID, label: str, ip: str | None = None) -> Self:
        return cls(ActorKind.CUSTOMER_INVITATION, str(invitation_id), label, ip)

    @classmethod
    def pay_link(cls, customer_id: UUID, label: str, ip: str | None = None) -> Self:
        """Whoever has the link of one of the customer's invoices."""
        return cls(ActorKind.CUSTOMER_PAY_LINK, str(customer_id), label, ip)

    @classmethod
    def gateway(cls, event_id: str) -> Self:
        return cls(ActorKind.GATEWAY, event_id, "Stripe")

    @classmethod
    def system(cls, name: str, ip: str | None = None) -> Self:
        return cls(ActorKind.SYSTEM, name, name, ip)

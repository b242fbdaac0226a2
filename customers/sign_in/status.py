"""How a customer signs in, as staff are told. Reads in the open scope."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max
from django.utils import timezone

from customers.models import Customer, PortalPassword, PortalSession
from customers.sign_in.sessions import is_live


@dataclass(frozen=True)
class SignInStatus:
    """`browsers`: in how many the customer is signed in now. `seen_at`: when they last were, in any; None when never,
    or longer ago than sessions are kept. `password_since`: None when they have set none."""

    browsers: int
    seen_at: datetime | None
    password_since: datetime | None


def sign_in_status(customer: Customer) -> SignInStatus:
    sessions = PortalSession.objects.filter(customer=customer)
    told = sessions.aggregate(browsers=Count("pk", filter=is_live(timezone.now())), seen_at=Max("seen_at"))
    changed = PortalPassword.objects.filter(customer=customer).values_list("changed_at", flat=True)
    return SignInStatus(told["browsers"], told["seen_at"], changed.first())

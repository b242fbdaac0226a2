"""Questions about payment methods that more than one caller asks."""

from collections.abc import Iterable
from uuid import UUID

from payments.models import PaymentProfile, ProfileState
from tenants.models import MethodKind


def verified_for_ach(customer_ids: Iterable[UUID]) -> set[UUID]:
    """Which of these customers have a US bank account that is verified, so that it can be debited."""
    accounts = PaymentProfile.objects.filter(
        customer_id__in=list(customer_ids), kind=MethodKind.US_BANK_ACCOUNT, state=ProfileState.ACTIVE
    )
    return set(accounts.values_list("customer_id", flat=True))

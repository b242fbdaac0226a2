"""From a connected account to a handled event, by the gateway's own delivery."""

from typing import Any

from payments.events import process_next_event
from payments.gateway.accounts import connect_account
from payments.models import EventState, GatewayEvent, PaymentProfile, ProfileState
from tenants.actors import Actor
from tenants.scope import tenant_scope
from tests.factories import PaymentProfileFactory, TenantFactory
from tests.payments.shelf import Shelf
from tests.processes import wait_until


def test_a_doubled_delivery_has_its_effect_once(transactional_db: None, shelf: Shelf, live_server: Any) -> None:
    tenant = TenantFactory(slug="acme")
    keys = {"publishable_key": shelf.account["publishable_key"], "secret_key": shelf.account["secret_key"]}
    connect_account(tenant_id=tenant.pk, actor=Actor.system("test"), **keys)
    there = shelf.customer()
    with tenant_scope(tenant.pk):
        profile = PaymentProfileFactory(gateway_id=shelf.method(there))
    shelf.sandbox.set_faults({"account": "acme", "kind": "webhook_double"})
    shelf.sandbox.control("POST", f"detach/{profile.gateway_id}")

    def delivered() -> bool:
        jobs = shelf.sandbox.control("GET", "deliveries", params={"account": "acme"})
        return len(jobs) == 2 and all(job["state"] == "delivered" for job in jobs)

    wait_until(delivered, what="both deliveries")
    while process_next_event(tenant.pk):
        pass
    with tenant_scope(tenant.pk):
        assert GatewayEvent.objects.get(type="payment_method.detached").state == EventState.PROCESSED
        assert PaymentProfile.objects.get(pk=profile.pk).state == ProfileState.DISABLED

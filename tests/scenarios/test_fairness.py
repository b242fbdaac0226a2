"""One tenant's mass change leaves room for another tenant's single one."""

from collections.abc import Callable

from propagation.models import Change, Step, StepState
from propagation.services import replace_or_add
from tenants.actors import Actor
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests import factories
from tests.processes import CeleryWorker, Sandbox, wait_until
from tests.scenarios.mass import STEPS_EACH, MassChange


def change_of_another_tenant(sandbox: Sandbox) -> tuple[Tenant, Change]:
    methods = [{"id": "pm_a", "number": "4242424242424242"}, {"id": "pm_b", "number": "5555555555554444"}]
    tenant = factories.TenantFactory(slug="other")
    with tenant_scope(tenant.pk):
        factories.sandbox_account(sandbox, "other")
        customer = factories.CustomerFactory()
        factories.GatewayCustomerFactory(customer=customer, gateway_id="cus_single")
        old = factories.PaymentProfileFactory(customer=customer, gateway_id="pm_a", is_default=True)
        new = factories.PaymentProfileFactory(customer=customer, gateway_id="pm_b")
    sandbox.seed(
        account="other",
        customers=[{"id": "cus_single", "payment_methods": methods, "default_payment_method": "pm_a"}],
    )
    with tenant_scope(tenant.pk):
        change = replace_or_add(
            customer=customer, new_profile=new, old_profile=old, actor=Actor.system("test"), source="backoffice"
        )
    return tenant, change


def test_a_single_change_does_not_wait_for_a_mass_change(
    measured_gateway: None, mass_change: Callable[[int], MassChange], celery_worker_process: CeleryWorker
) -> None:
    mass = mass_change(150)
    mass.begin()
    mass.wait_for(STEPS_EACH)
    tenant, single = change_of_another_tenant(mass.sandbox)

    def finished() -> bool:
        with tenant_scope(tenant.pk):
            return not Step.objects.filter(change=single).exclude(state=StepState.DONE).exists()

    wait_until(finished, what="the single change")
    assert mass.settled() < STEPS_EACH * mass.count // 2, "the single change had to wait for the mass change"

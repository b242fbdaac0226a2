"""The ledger and a change's page."""

import pytest
from django.test import Client

from propagation.models import ChangeState, Step, StepState
from tenants.models import AuditEntry
from tenants.scope import tenant_scope
from tests.backoffice.conftest import Office, make_change, make_step

pytestmark = pytest.mark.django_db


def test_the_page_explains_a_failed_step(office: Office, reader: Client) -> None:
    page = reader.get(office.url("change", change_id=office.change.pk)).content.decode()
    assert "The payment gateway no longer knows this." in page
    assert "No such subscription: sub_1" in page
    assert "/test/logs/req_1" in page
    assert f"step-{office.failed_step.pk}-0" in page
    assert office.url("subscription", subscription_id=office.subscription.pk) in page


def test_the_preview_stands_beside_what_was_done(office: Office, reader: Client) -> None:
    previewed = reader.get(office.url("change", change_id=office.change.pk)).context["previewed"]
    assert [(row["number"], row["state"]) for row in previewed] == [
        (office.subscription.short_number, StepState.FAILED),
        (office.invoice.short_number, None),
    ]


def test_the_page_follows_while_something_is_under_way(office: Office, reader: Client) -> None:
    with tenant_scope(office.tenant.pk):
        change = make_change(office.customer)
        step = make_step(change, subscription=office.subscription)
    url = office.url("change_progress", change_id=change.pk)
    first = reader.get(url, headers={"HX-Request": "true"})
    seen = first.context["shown"].fingerprint
    assert 'hx-trigger="every 1s"' in first.content.decode()
    assert 'hx-swap-oob="true"' in first.content.decode()
    assert reader.get(url, {"seen": seen}).status_code == 204
    with tenant_scope(office.tenant.pk):
        Step.objects.filter(pk=step.pk).update(state=StepState.DONE)
        change.state = ChangeState.DONE
        change.save(update_fields=["state"])
    last = reader.get(url, {"seen": seen}, headers={"HX-Request": "true"}).content.decode()
    assert "hx-trigger" not in last
    assert 'data-state="done"' in last


def test_retries_a_failed_step(office: Office, agent: Client) -> None:
    url = office.url("step_retry", step_id=office.failed_step.pk)
    assert "carried out again" in agent.post(url, follow=True).content.decode()
    with tenant_scope(office.tenant.pk):
        assert Step.objects.get(pk=office.failed_step.pk).state == StepState.WAITING
        assert AuditEntry.objects.filter(action="step.retried").exists()
    assert "has not failed" in agent.post(url, follow=True).content.decode()


def test_waiving_needs_a_reason(office: Office, owner: Client) -> None:
    url = office.url("step_waive", step_id=office.failed_step.pk)
    assert owner.post(url, {"reason": "  "}).status_code == 422
    owner.post(url, {"reason": "The subscription was cancelled by hand."})
    with tenant_scope(office.tenant.pk):
        step = Step.objects.get(pk=office.failed_step.pk)
        entry = AuditEntry.objects.get(action="step.waived")
    assert (step.state, step.note) == (StepState.WAIVED, "The subscription was cancelled by hand.")
    assert entry.reason == "The subscription was cancelled by hand."


def test_buttons_follow_the_role(office: Office, agent: Client, reader: Client, owner: Client) -> None:
    retry = office.url("step_retry", step_id=office.failed_step.pk)
    waive = office.url("step_waive", step_id=office.failed_step.pk)
    shown = {
        name: (retry in page, waive in page)
        for name, client in (("reader", reader), ("agent", agent), ("owner", owner))
        for page in [client.get(office.url("change", change_id=office.change.pk)).content.decode()]
    }
    assert shown == {"reader": (False, False), "agent": (True, False), "owner": (True, True)}


def test_the_badge_counts_what_needs_attention(office: Office, reader: Client) -> None:
    page = reader.get(office.url("team")).content.decode()
    assert '<span class="nav-count">1</span>' in page

import pytest

from tests.sandbox.conftest import Tenant


def test_every_page_opens(shop: Tenant) -> None:
    customer, method = shop.with_card()
    shop.past_due("in_pg", "sub_pg")
    shop.v1.payment_methods.detach(method.id)
    home = f"/accounts/{shop.slug}"
    event = shop.v1.events.list().data[0].id
    pages = ["/", "/inbox/", "/faults", home, f"{home}/objects", f"{home}/objects/payment_method", f"{home}/events"]
    pages += [f"{home}/requests", f"{home}/objects/event/{event}", f"{home}/customers/{customer.id}"]
    for page in [*pages, f"{home}/customers/cus_sub_pg", f"{home}?q=bob"]:
        assert shop.box.http.get(page).status_code == 200, page
    text = shop.box.http.get(f"{home}/customers/{customer.id}").text
    assert "detached" in text
    assert "past due" in shop.box.http.get(f"{home}/customers/cus_sub_pg").text


@pytest.mark.parametrize("page", ["/accounts/none", "/logs/req_none", "/inbox/mail_none", "/js/files/none.js"])
def test_unknown_pages(shop: Tenant, page: str) -> None:
    assert shop.box.http.get(page).status_code == 404


def test_faults_by_form(shop: Tenant) -> None:
    form = {"kind": "rate_limited", "account": shop.slug, "probability": "1", "times": "1"}
    assert shop.box.http.post("/faults", data=form).status_code == 303
    assert "rate limited" in shop.box.http.get("/faults").text
    shop.box.http.post("/faults/clear", data={})
    assert shop.box.control("GET", "faults") == []
    assert shop.box.http.post("/faults", data={"kind": "latency", "times": "x"}).status_code == 400


def test_a_customers_page_shows_payments_of_who_bills_by_themselves(shop: Tenant) -> None:
    customer, method = shop.with_card()
    shop.v1.payment_intents.create(
        {
            "customer": customer.id,
            "amount": 1999,
            "currency": "cad",
            "payment_method": method.id,
            "description": "INV-1001",
            "confirm": True,
            "off_session": True,
        }
    )
    text = shop.box.http.get(f"/accounts/{shop.slug}/customers/{customer.id}").text
    assert "INV-1001" in text
    assert "succeeded" in text


def test_escapes_what_others_wrote(shop: Tenant) -> None:
    customer = shop.customer(name="<script>alert(1)</script>")
    text = shop.box.http.get(f"/accounts/{shop.slug}/customers/{customer.id}").text
    assert "<script>" not in text

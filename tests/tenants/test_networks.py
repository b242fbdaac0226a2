"""Whose network an address is in."""

import pytest

from tenants.networks import neighbourhood


@pytest.mark.parametrize(
    ("ip", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"),
        ("2001:db8:0:1::", "2001:db8:0:1::/64"),
        (None, "None"),
    ],
)
def test_tries_are_counted_by_what_one_subscriber_has(ip: str | None, counted_as: str) -> None:
    assert neighbourhood(ip) == counted_as

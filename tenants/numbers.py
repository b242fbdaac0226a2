"""Short numbers that people see, per tenant, without gaps: the row's lock is held until the transaction commits."""

from django.db import connection

from tenants.scope import current_tenant_id

#: Where each kind of number starts, and how it is written.
FIRST = 1001
PREFIXES = {
    "customer": "C",
    "invitation": "I",
    "change": "CH",
    "subscription": "S",
    "invoice": "INV",
    "credit_note": "CN",
}


def next_number(name: str) -> int:
    """The next number of this kind for the scope's tenant. Concurrent takers wait for each other's commit."""
    return next_numbers(name, 1)[0]


def next_numbers(name: str, count: int) -> range:
    """The next `count` numbers of this kind, together. Raises ValueError when none is wanted."""
    if count < 1:
        raise ValueError(count)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO tenants_numbersequence AS s (tenant_id, name, last) VALUES (%s, %s, %s)
            ON CONFLICT (tenant_id, name) DO UPDATE SET last = s.last + %s RETURNING last
            """,
            [current_tenant_id(), name, FIRST + count - 1, count],
        )
        last = cursor.fetchone()[0]
    return range(last - count + 1, last + 1)


def written(name: str, number: int) -> str:
    """How people see it: `C-1042`."""
    return f"{PREFIXES[name]}-{number}"

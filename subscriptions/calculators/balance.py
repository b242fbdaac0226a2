"""How much of a balance an invoice takes."""


def applied(balance_minor: int, total_minor: int) -> int:
    """What of the balance is applied to an invoice: credit up to the total; a debt, below zero, is added to it whole.

    The balance is then `balance_minor` less this, the amount due `total_minor` less this; neither is ever below zero.
    """
    return min(balance_minor, total_minor)

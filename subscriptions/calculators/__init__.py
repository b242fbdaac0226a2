"""What billing works out: pure functions. Amounts are integers in minor units; the clock is an argument."""

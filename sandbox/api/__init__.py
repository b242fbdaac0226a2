"""The part of Stripe's API that the product uses."""

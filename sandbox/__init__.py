"""A local stand-in for the payment gateway (Stripe's API, Stripe.js, webhooks) and an inbox for e-mail and SMS.

A development tool: nothing in the product imports it, and it imports nothing of the product.
Run it with ``python -m sandbox --port N --data DIR``.
"""

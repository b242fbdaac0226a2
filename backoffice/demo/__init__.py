"""Demonstration data: two tenants that differ, the same here and at the sandbox gateway."""

"""What the tests of provisioning have in common."""

from __future__ import annotations

REGION = "us-west-2"
ACCOUNT = "123456789012"  # moto's
# How the calls begin that change nothing.
READING = ("Describe", "Get", "Head", "List")

"""Provisioning on AWS: what is created, how it is found again, and how it is removed."""

"""The AWS API of the local target: moto, and what it lacks."""

"""The local Redshift: PostgreSQL made to behave like Amazon Redshift. It imports nothing of the rest of dwh."""

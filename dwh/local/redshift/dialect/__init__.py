"""Redshift's SQL made into PostgreSQL's, or refused by name."""

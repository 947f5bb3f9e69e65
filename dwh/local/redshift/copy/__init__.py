"""COPY from JSON on S3, as Amazon Redshift carries it out."""

"""The local target: AWS and Redshift on this machine."""

"""The local target: a stand-in for AWS and Redshift on this machine."""

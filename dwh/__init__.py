"""The rooms behind the step scripts of the Sparkify data warehouse."""

__version__ = "1.0.0"

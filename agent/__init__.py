"""Real-time age-check agent for supermarket registers."""

__version__ = "0.1.0"

"""Real-time age-check agent for supermarket registers."""

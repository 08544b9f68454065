"""Visits composed from photographs of known age, for measuring the decision as a whole."""

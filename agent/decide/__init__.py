"""Decide: from estimates and sale messages to alerts, audits and age groups."""

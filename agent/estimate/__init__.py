"""Stage four: from a tracked face to a distribution over ages."""

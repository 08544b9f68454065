"""Starts, watches and ends the processes that see."""

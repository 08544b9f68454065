"""Decisions and states as MQTT messages: committed to disk first, then sent."""

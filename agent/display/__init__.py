"""The cashier's display: an MQTT subscriber of its own that serves one web page."""

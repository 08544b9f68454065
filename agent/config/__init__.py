"""The one settings file: its schema and how it is read."""

"""The models: one folder each, listed in manifest.json; installed as `agent.models`."""

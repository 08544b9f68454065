"""How the agent is watched: logs, metrics, health and the service manager's watchdog."""

"""Pictures from cameras and recordings, each camera in a process of its own."""

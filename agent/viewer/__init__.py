"""The technician's live picture, on the side that serves: finished JPEGs to a local browser."""

"""The technician's live picture, on the side that sees: tapped, drawn over, encoded."""

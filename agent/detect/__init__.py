"""Stage two: faces in a frame."""

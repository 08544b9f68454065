"""Stage three: faces followed over frames, and the visits they make up."""

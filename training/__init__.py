"""Data, training, evaluation and export of the age network."""

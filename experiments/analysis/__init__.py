"""What the table of a sweep says: effects and indices of designs, probabilities of random samples."""

"""What drives an outcome, by which path an effect comes about, and what to measure next."""

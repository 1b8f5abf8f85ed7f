"""Models: how one is named, reached, spoken to, counted and kept."""

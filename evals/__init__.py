"""The experiments: what the data is worth, and what making it costs."""

"""What the analyses measure with."""

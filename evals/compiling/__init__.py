"""What a compile is made of."""

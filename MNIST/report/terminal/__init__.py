"""What the terminal shows while a network trains, and images drawn with characters."""

"""What `train` shows in the terminal while it works."""

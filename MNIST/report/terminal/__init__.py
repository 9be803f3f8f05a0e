"""What is shown in the terminal: a training while it works, and tables."""

"""Reports: what numbers look like, on the screen and in files. This room is handed numbers."""

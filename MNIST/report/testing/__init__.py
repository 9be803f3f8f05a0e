"""What `test` reports: the table of networks, their errors, how sure they are, and which of them differ."""

"""What `explore` reports: pictures of a table of trials, the parameters that matter, a page to explore it."""

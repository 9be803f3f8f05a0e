"""What `explore` reports: pictures of a table of trials, which parameters matter, a page to look around."""

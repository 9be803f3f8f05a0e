"""What `train` writes about a training: a page that is there while it goes on."""

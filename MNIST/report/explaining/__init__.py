"""What `explain` and `predict --steps` show: each layer's view of one image, as a picture and a page."""

"""The laboratory: one HTML file in which a text becomes a trained network."""

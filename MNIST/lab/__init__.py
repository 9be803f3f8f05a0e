"""The laboratory: one HTML file in which a text becomes a trained network, without a server."""

from MNIST.lab.assemble import LabModel, is_lab_page, lab_page

__all__ = ["LabModel", "is_lab_page", "lab_page"]

"""The engine `sonn`: columns of neurons that learn without gradients, from binary maps of the images."""

"""The engine `modules`: networks of `torch.nn` modules, trained by `torch.optim` optimizers."""

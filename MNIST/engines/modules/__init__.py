"""The engine `modules`: networks of `torch.nn`'s modules, trained by `torch.optim`'s optimizers."""

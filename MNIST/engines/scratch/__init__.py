"""Networks from scratch: every layer's forward and backward pass by hand, on NumPy's arrays or PyTorch's.

Read it in this order: layer (what all share), dense, activations, loss, optimizers; then convolution (with
padding), depthwise, pooling, flatten, normalization, dropout, noise, blocks; pixels and network (from a
model file to layers); engine (an epoch); inspection (what `explain` asks). `on_numpy` and `on_tensors` run
this code on two libraries; `on_autograd` does not use its backward passes.
"""

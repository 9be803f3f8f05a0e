"""Networks from scratch: every layer forward and backward by hand, on NumPy's arrays or PyTorch's.

To read in this order: layer (what all share), dense, activations, loss, optimizers; then convolution (with
padding), pooling, flatten, normalization, dropout, blocks; pixels and network (from a model file to
layers); engine (an epoch). `on_numpy` and `on_tensors` run this code on two libraries; `on_autograd` leaves
its backward passes out.
"""

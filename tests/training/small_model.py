"""The text of the network that several tests train, save and tamper with."""

TEXT = """# a small one
Layers:
Conv,4,3,3,relu
MaxPool,4,4
Flatten
Dropout,0.5
Dense,10,softmax
Optimizer:
0.01,1e-2
1
100
"""

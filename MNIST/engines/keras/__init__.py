"""The engine `keras`: networks of Keras layers, trained by Keras's own `fit`.

layers.py       a builder for each layer type
engine.py       an epoch of training, and the answers
backend.py      imports Keras with its backend and sets them up
backends.py     says which backends are installed; imports none
saved_file.py   looks at a .keras file before Keras reads it
whole_model.py  a network from pixels to probabilities, for export
"""

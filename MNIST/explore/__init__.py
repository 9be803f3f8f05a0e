"""Exploration: Talos asks for grid points, the trial service answers from as few trials as possible.

exploration  one exploration, from its plan to its results
designs      which points are asked: a grid, a random part of it, one change at a time
plan         the points, and which trials answer them
scan         Talos: the grid's order, its sampling, its reducers, its log (the only file that knows Talos)
halving      which trials are trained no further after a rung
trials       the trial service: answers a point from the store, or has its trials trained ahead
store        every epoch ever trained here, in SQLite
workers/     what trains: processes on this machine, or a cluster
ranking      which answers are best, and which the seeds cannot tell from the best
results      results.csv, best.txt
forecast     how long it will take
progress     the display while it runs
summary      what is said before and after
"""

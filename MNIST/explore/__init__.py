"""Exploration: Talos asks for grid points, the trial service answers from as few runs as possible.

exploration  one exploration, from its plan to its results
plan         what will be asked, and which runs answer it
store        every epoch ever trained here, in SQLite
trials       the trial service: answers a point from the store, or trains its run
scan         Talos: the grid's order, its sampling, its log (the only file that knows Talos)
forecast     how long it will take
progress     the display while it runs
results      results.csv, best.txt
"""

"""The commands, one file each: strings to values, call the rooms, print.

A command's docstring is its usage text, which docopt parses; `run(options)` returns its exit code.
"""

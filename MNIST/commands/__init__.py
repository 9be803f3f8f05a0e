"""The commands, one file each: a command turns strings into values, calls the rooms, and prints.

A command's docstring is its usage text, which docopt parses. Its `run(options)` returns the exit code.
"""

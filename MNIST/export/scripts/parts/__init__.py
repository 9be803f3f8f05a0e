"""Functions and classes that are copied into scripts. Only tests import them.

Like the scripts, these files have lines of at most 88 characters and no annotations.
"""

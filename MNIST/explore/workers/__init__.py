"""Workers: trials trained side by side, on this machine or on a cluster, with the same numbers.

protocol    what every executor of trials offers, and what it reports
local       worker processes on this machine
cluster     workers on the machines of a Ray cluster; cluster_connection joins it, cluster_worker runs there
worker      what happens inside a worker, wherever it is
"""

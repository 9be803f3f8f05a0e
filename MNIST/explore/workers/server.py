"""Imported first by the server that workers are forked from: so it ends when its parent ends, at once.

Left to itself it would look for its parent only once it has imported the engine, which may take seconds.
Linux alone has such a server here, and this call. Source: prctl(2), PR_SET_PDEATHSIG.
"""

import ctypes
import signal

PR_SET_PDEATHSIG = 1

ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

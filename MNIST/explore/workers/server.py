"""Makes the server that workers are forked from end as soon as its parent ends. It imports this first.

By itself the server would look for its parent only after it has imported the engine, which may take
seconds. Only Linux has such a server here, and this call. Source: prctl(2), PR_SET_PDEATHSIG.
"""

import ctypes
import signal

PR_SET_PDEATHSIG = 1

ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

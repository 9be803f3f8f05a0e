"""Joins a Ray cluster, or starts one here; the user sees only messages about what they can repair."""

import os
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import MNIST
from MNIST.engines.processor import cores
from MNIST.engines.quiet import quiet_stderr
from MNIST.errors import MNISTError, UsageError, quoted
from MNIST.program import why_missing

PROBE_SECONDS = 5.0  # for a machine to answer at all
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
# Ray retries an address that does not answer for a quarter of an hour, and looks for a part of the cluster
# on this machine for a minute. It needs that patience only where it starts a cluster itself.
IMPATIENT = {
    "RAY_NUM_REDIS_GET_RETRIES": "1",
    "RAY_py_gcs_connect_timeout_s": "10",
    "RAY_gcs_server_request_timeout_seconds": "15",
}
# Environment variables that workers get from here: the backend, and switches that change the digits.
PASSED_ON = (
    *("KERAS_BACKEND", "TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "TF_XLA_FLAGS", "XLA_FLAGS"),
    *("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "ATEN_CPU_CAPABILITY"),
    *("DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS"),
    *("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES"),
)


def connect(address: str, processors: int) -> Any:
    """Connect this process to a cluster; returns the module `ray`, whose `shutdown` disconnects it.

    address: "auto", "local" or "HOST:PORT". processors: a cluster that is started here claims at least so
    many. This package is sent to all workers, and no other file is.
    Raises MNISTError, within half a minute, if there is no such cluster; UsageError if the address is not
    valid or Ray is not installed.
    """
    if address not in ("auto", "local"):
        _refuse_silence(address)
        _enable_token()
    with _environment(QUIET | ({} if address == "local" else IMPATIENT)):
        try:
            import ray
        except (ImportError, OSError) as error:
            raise UsageError(f"a cluster needs Ray, which {why_missing(error, 'cluster')}") from None
        failure = _initialise(ray, address, processors)
    if failure:
        ray.shutdown()
        raise MNISTError(_explanation(address, failure, ray.__version__))
    return ray


def _initialise(ray: Any, address: str, processors: int) -> Exception | None:
    """Call `ray.init`; returns what it raised, or None."""
    # Ray would print an error on any machine between our lines. We get it as an exception anyway.
    ray._private.worker.print_to_stdstream = lambda *_, **__: None
    options = {}
    if address == "local":
        options["num_cpus"] = max(processors, cores())
    with tempfile.TemporaryDirectory() as empty, _own_signals(), quiet_stderr():
        try:
            ray.init(
                address=address,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="CRITICAL",
                runtime_env={
                    "py_modules": [str(Path(MNIST.__file__).parent)],
                    "excludes": ["__pycache__"],
                    # Without it, workers look for our modules first under their path on this machine;
                    # there, another machine may have an older copy.
                    "working_dir": empty,
                    "env_vars": {name: os.environ[name] for name in PASSED_ON if name in os.environ},
                },
                **options,
            )
        except SystemExit:  # Ray turns a polite `kill` into this
            raise KeyboardInterrupt from None
        except Exception as error:  # noqa: BLE001 - whatever it is, there is no cluster
            return error
    return None


def _refuse_silence(address: str) -> None:
    """Raise UsageError if this is not a valid address, MNISTError if nothing listens there."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError(f"cluster {quoted(address)}: expected auto, local, or HOST:PORT of one that runs")
    try:
        socket.create_connection((host.strip("[]"), int(port)), PROBE_SECONDS).close()
    except OSError as error:
        raise MNISTError(
            f"no cluster answers at {address} ({error.strerror or error});"
            f" start one there: ray start --head --port={port}"
        ) from None


def _explanation(address: str, failure: Exception, version: str) -> str:
    """Why there is no cluster, and what to do."""
    if address == "auto" and "Could not find" in str(failure):
        return "no cluster runs on this machine; start one: ray start --head; or explore on `local`"
    if address == "local":
        return f"Ray cannot start a cluster on this machine ({_in_a_line(failure)})"
    cause: BaseException = failure
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if "No node info" in str(cause):
        reason = f"this machine is no part of it; here: ray start --address={address}"
    elif "uthentication" in str(cause):
        reason = "it asks for a token: copy ~/.ray/auth_token from there to here"
    else:
        reason = f"what answers there is no cluster of Ray {version} ({_in_a_line(cause)})"
    return f"cannot join the cluster {address}: {reason}"


def _in_a_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1].split("Error: ")[-1] if "Traceback" in str(error) else " ".join(map(str.strip, lines))


def _enable_token() -> None:
    """Let Ray send its token if there is one; by itself it sends it only to a cluster that it found."""
    file = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", Path.home() / ".ray" / "auth_token"))
    if "RAY_AUTH_TOKEN" in os.environ or file.is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables while the context lasts, unless the user has set them."""
    added = {name: value for name, value in changes.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep the signal handlers as they are; Ray would replace them with its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        with suppress(ValueError):  # not in the main thread: there Ray does not change them either
            for number, handler in before.items():
                signal.signal(number, handler)

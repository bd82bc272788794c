"""The process without rights: `python -m spec_compiler.cli.sandbox_child GRANT WORDS...`; it gives them up, then works.

Nothing of a spec or a model is read before; nothing can be got back after.
"""

from __future__ import annotations

import json
import os
import resource
import sys

from spec_compiler.files import whole
from spec_compiler.sandbox import landlock, seccomp

# What Python and TensorFlow look at besides their own files.
_SYSTEM = (
    *("/usr", "/lib", "/lib64", "/lib32", "/etc/ld.so.cache", "/etc/localtime", "/etc/ssl/openssl.cnf"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/kernel", "/sys/devices/system"),
    *("/dev/urandom", "/dev/random", "/dev/zero"),
)


def main() -> None:
    """Gives up every right that is not granted, and runs the command."""
    grant = json.loads(sys.argv[1])
    sys.argv = ["spec-compiler", *sys.argv[2:]]
    whole.hand_over(grant["private"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (grant["seconds"], grant["seconds"] + 5))  # SIGXCPU comes before SIGKILL
    resource.setrlimit(resource.RLIMIT_DATA, (grant["memory"], grant["memory"]))
    if "landlock" in grant["means"]:
        installation = {sys.prefix, sys.base_prefix, *(path for path in sys.path if path)}
        landlock.restrict((*installation, *_SYSTEM, *grant["read"]), (grant["private"], os.devnull))
    if "seccomp" in grant["means"]:
        seccomp.restrict()
    from spec_compiler.cli import main as command  # what reads specs is loaded without rights

    command()


if __name__ == "__main__":
    main()

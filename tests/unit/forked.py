"""Processes that begin where one is prepared: what takes long is imported once, yet each case has its own process.

A child is forked, so that what it imports, remembers and allocates is gone with it, as with a process from nothing. Its
output streams are files. One that calls `sys.exit`, as a command does, ends as every program: what is still buffered is
written while the interpreter ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

# What runs behind the loop is the child: it left the loop with its request.
SERVER = """
import gc, json, os, signal, sys
exec(sys.argv[1])
gc.freeze()
for line in iter(sys.stdin.readline, ""):
    request = json.loads(line)
    child = os.fork()
    if not child:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
signal.alarm(60)
os.chdir(request["folder"])
for stream, path in enumerate((os.devnull, *request["streams"])):
    os.dup2(os.open(path, os.O_RDWR), stream)
sys.argv = request["arguments"]
exec(request["code"], {"__name__": "__main__"})
sys.stdout.flush()
os._exit(0)  # the interpreter's own end would take ten times as long as the fork
"""


class Forked:
    """A process that has run some code, and forks a child for each code that it is given."""

    def __init__(self, prepared: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, prepared], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(
        self, code: str, *arguments: str, folder: Path | None = None, stdout: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """What code prints and how it ends, in a folder and with arguments. Its output may go elsewhere."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with tempfile.NamedTemporaryFile() as output, tempfile.NamedTemporaryFile() as errors:
            request = {
                "code": code,
                "folder": os.fspath(folder or Path.cwd()),
                "streams": [stdout or output.name, errors.name],
                "arguments": ["-c", *arguments],
            }
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            status = int(self.process.stdout.readline())
            return subprocess.CompletedProcess(code, status, output.read().decode(), errors.read().decode())

    def close(self) -> None:
        """Ends the process."""
        self.process.communicate()

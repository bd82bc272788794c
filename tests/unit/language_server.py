"""A client for a language server over standard input and output, as an editor has one."""

from __future__ import annotations

import itertools
import json
import queue
import subprocess
import threading
from collections.abc import Sequence
from typing import Any


class LanguageServer:
    """A running server. `ask` sends a request and waits for its answer, `tell` sends a notification."""

    def __init__(self, command: Sequence[str], settings: dict[str, Any], timeout: float = 60.0) -> None:
        self.settings, self.timeout = settings, timeout
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.numbers = itertools.count(1)
        self.inbox: queue.Queue[dict[str, Any]] = queue.Queue()
        self.told: list[dict[str, Any]] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, method: str, parameters: dict[str, Any]) -> Any:
        """The result of a request; what the server tells and asks in between is answered."""
        number = next(self.numbers)
        self._send({"id": number, "method": method, "params": parameters})
        while True:
            message = self.next()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def tell(self, method: str, parameters: dict[str, Any]) -> None:
        """Sends a notification."""
        self._send({"method": method, "params": parameters})

    def next(self) -> dict[str, Any]:
        """The next message; a request for the settings is answered on the way."""
        message = self.inbox.get(timeout=self.timeout)
        if "method" in message and "id" in message:
            result: Any = None
            if message["method"] == "workspace/configuration":
                result = [self.settings.get(item.get("section")) for item in message["params"]["items"]]
            self._send({"id": message["id"], "result": result})
        elif "method" in message:
            self.told.append(message)
        return message

    def close(self) -> None:
        """Ends the server."""
        self.process.kill()
        self.process.communicate()

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def _listen(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while True:
            length = 0
            while line := stream.readline().strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if not length:
                return
            self.inbox.put(json.loads(stream.read(length)))

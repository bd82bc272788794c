"""One comment in a pull request, which is written once and then renewed."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from scripts.pull_request.comment import MARKER

MOST_PAGES = 30


class Refused(Exception):
    """The token may not comment, as that of a pull request from a fork may not."""


@dataclass(frozen=True)
class Conversation:
    """A pull request's, at GitHub's API."""

    api: str
    repository: str
    number: int
    token: str

    def renew(self, text: str, *, only_if_there: bool = False) -> str:
        """Writes the comment, or what is new into the one that is there; says which.

        Raises:
            Refused: the token has no right to.
        """
        own = self._own()
        if own is None:
            if only_if_there:
                return "none needed"
            self._asked("POST", f"/repos/{self.repository}/issues/{self.number}/comments", {"body": text})
            return "written"
        if own["body"].rstrip() == text.rstrip():
            return "as it was"
        self._asked("PATCH", f"/repos/{self.repository}/issues/comments/{own['id']}", {"body": text})
        return "renewed"

    def _own(self) -> dict[str, Any] | None:
        """The comment that an earlier run wrote: anybody may write the marker, only a bot is taken at its word."""
        for page in range(1, MOST_PAGES + 1):
            way = f"/repos/{self.repository}/issues/{self.number}/comments?per_page=100&page={page}"
            found = self._asked("GET", way)
            for each in found:
                if str(each.get("body", "")).startswith(MARKER) and each.get("user", {}).get("type") == "Bot":
                    return dict(each)
            if len(found) < 100:
                return None
        return None

    def _asked(self, method: str, way: str, data: Any = None) -> Any:
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", self.repository) or not self.api.startswith(("https://", "http://")):
            raise Refused("the environment names no repository")
        request = urllib.request.Request(  # noqa: S310 - the address is GitHub's own, from the environment
            self.api + way, method=method, data=json.dumps(data).encode() if data is not None else None
        )
        request.add_header("Accept", "application/vnd.github+json")
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("X-GitHub-Api-Version", "2022-11-28")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code in (401, 403, 404):
                raise Refused(f"{method} {way.partition('?')[0]}: {error.code} {error.reason}") from None
            raise

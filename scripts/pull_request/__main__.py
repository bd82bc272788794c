"""The steps of `action.yml`: `plan` writes the comment and the job's summary, `post` puts it into the pull request.

All that they are told stands in the environment, as GitHub has it; they are called in the action's own folder.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from urllib.error import URLError

from scripts.pull_request.changes import Clone, NotFound
from scripts.pull_request.comment import MOST_SPECS, comment
from scripts.pull_request.plans import RESTRICTED, Program, planned
from scripts.pull_request.post import Conversation, Refused


def main() -> None:
    """Runs a step."""
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    if "pull_request" not in event:
        sys.exit("this action is for `on: pull_request`")
    {"plan": plan, "post": post}[sys.argv[1]](event)


def plan(event: dict[str, object]) -> None:
    """Plans the specs that changed; says in the step's outputs whether one is at fault, and where the comment lies."""
    root = Path(os.environ["GITHUB_WORKSPACE"])
    clone = Clone(root)
    patterns = os.environ["INPUT_SPECS"].split()
    restricted = os.environ.get("INPUT_RESTRICT_PATHS") != "false"
    with tempfile.TemporaryDirectory(dir=os.environ.get("RUNNER_TEMP")) as folder:
        try:
            base = clone.base(event)
            before = clone.laid(base, Path(folder) / "base")
        except NotFound as error:
            sys.exit(f"::error::{_escaped(str(error))}")
        try:
            changed = [*clone.changed(base, before, patterns)]
            plans = [planned(each, root, before, restricted=restricted) for each in changed[:MOST_SPECS]]
        finally:
            clone.cleared(before)
    text = comment(plans, len(changed) - len(plans))
    _said("GITHUB_STEP_SUMMARY", text)
    place = Path(os.environ.get("RUNNER_TEMP") or tempfile.gettempdir()) / "spec-compiler-comment.md"
    place.write_text(text, encoding="utf-8")
    wrong = [each for each in plans if each.is_wrong]
    _said("GITHUB_OUTPUT", f"comment={place}\nspecs={len(changed)}\nfaults={len(wrong)}\n")
    program, hostile = Program(("spec-compiler",), root), [RESTRICTED] if restricted else []
    for each in wrong:  # shown at their lines
        print(program("check", "--static", *hostile, "--format", "github", "--", each.changed.path)[1], end="")
    print(f"specs changed: {len(changed)}, at fault: {len(wrong)}")


def post(event: dict[str, object]) -> None:
    """Writes or renews the comment; where the token may not, the summary of the job has to do."""
    text = Path(os.environ["COMMENT"]).read_text(encoding="utf-8")
    request = event["pull_request"]
    assert isinstance(request, dict)
    conversation = Conversation(
        os.environ.get("GITHUB_API_URL", "https://api.github.com"),
        os.environ["GITHUB_REPOSITORY"],
        int(request["number"]),
        os.environ["GITHUB_TOKEN"],
    )
    try:
        print(f"comment: {conversation.renew(text, only_if_there=os.environ['SPECS'] == '0')}")
    except URLError as error:
        print(f"::warning::the comment could not be written: {_escaped(str(error))}")
    except Refused as error:
        print(
            f"::notice::the plans stand in the summary of this job, the token may not comment: {_escaped(str(error))}"
        )


def _said(name: str, text: str) -> None:
    if os.environ.get(name):
        with open(os.environ[name], "a", encoding="utf-8") as stream:
            stream.write(text)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


if __name__ == "__main__":
    main()

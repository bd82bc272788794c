"""The action for pull requests: real git repositories, a fake event, a fake GitHub, and the real program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts.pull_request.changes import Changed, Clone, NotFound
from scripts.pull_request.comment import LONGEST, MARKER, comment
from scripts.pull_request.plans import Planned, planned
from scripts.pull_request.post import Conversation, Refused

ROOT = Path(__file__).parents[2]
SPEC = """spec: 1
base: {application: VGG16, weights: null, include_top: false, input_shape: [32, 32, 3]}
cut_at: block2_pool
"""
OURS = (sys.executable, "-m", "spec_compiler")


class Repository:
    """A repository with a base, of which a pull request is made."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "-q", "-b", "main")
        self.write({"README.md": "# Ours", "other.yaml": "a: 1\n"})

    def git(self, *words: str) -> str:
        names = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environment = {**os.environ, **names, "GIT_CONFIG_GLOBAL": "/dev/null"}
        done = subprocess.run(
            ["git", *words], cwd=self.root, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, files: dict[str, str | None]) -> str:
        """A commit of files; None takes one away."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "change")
        return self.git("rev-parse", "HEAD")

    def requested(self, files: dict[str, str | None], *, merged: bool = True) -> dict[str, Any]:
        """The event of a pull request with these changes, its merge into the base checked out as GitHub does it."""
        base = self.git("rev-parse", "HEAD")
        self.git("checkout", "-q", "-b", "theirs")
        head = self.write(files)
        if merged:
            self.git("checkout", "-q", "--detach", "main")
            self.git("merge", "-q", "--no-ff", "-m", "merge", head)
        return {"pull_request": {"number": 7, "base": {"sha": base}, "head": {"sha": head}}}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def changes(repository: Repository, event: dict[str, Any], folder: Path, *patterns: str) -> list[Changed]:
    clone = Clone(repository.root)
    base = clone.base(event)
    before = clone.laid(base, folder / "base")
    try:
        return [*clone.changed(base, before, patterns or ("**/*.yaml",))]
    finally:
        clone.cleared(before)


@pytest.mark.parametrize("merged", [True, False])
def test_what_changed_is_found(repository: Repository, tmp_path: Path, merged: bool) -> None:
    blocks = "blocks: {tail: [{Dropout: 0.5}]}\n"
    repository.write(
        {
            "models/same.yaml": SPEC,
            "models/changed.yaml": SPEC,
            "models/removed.yaml": SPEC,
            "models/uses.yaml": f"{SPEC}imports: [shared.yaml]\nhead: [tail]\n",
            "models/shared.yaml": "imports: [blocks.yaml]\n",
            "models/blocks.yaml": blocks,
            "models/grown.yaml": "spec: 1\nbase: {spec: changed.yaml}\n",
            "with space/é.yaml": SPEC,
        }
    )
    event = repository.requested(
        {
            "models/changed.yaml": SPEC.replace("block2", "block1"),
            "models/removed.yaml": None,
            "models/new.yaml": SPEC,
            "models/blocks.yaml": blocks.replace("0.5", "0.25"),
            "with space/é.yaml": SPEC + "freeze: all\n",
            "other.yaml": "a: 2\n",
        },
        merged=merged,
    )
    assert changes(repository, event, tmp_path) == [
        Changed("models/changed.yaml", "changed"),
        Changed("models/grown.yaml", "its files changed"),
        Changed("models/new.yaml", "new"),
        Changed("models/removed.yaml", "removed"),
        Changed("models/uses.yaml", "its files changed"),
        Changed("with space/é.yaml", "changed"),
    ]
    assert [each.path for each in changes(repository, event, tmp_path, "models/n*.yaml")] == ["models/new.yaml"]
    assert repository.git("worktree", "list").count("\n") == 0


def test_a_link_is_no_spec_and_a_hook_does_not_run(repository: Repository, tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("spec: 1\nname: SECRET\n")
    hook = repository.root / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
    hook.chmod(0o755)
    (repository.root / "folder").symlink_to(tmp_path)
    (repository.root / "link.yaml").symlink_to(secret)
    event = repository.requested({"new.yaml": SPEC})
    (tmp_path / "ran").unlink(missing_ok=True)
    assert changes(repository, event, tmp_path) == [Changed("new.yaml", "new")]
    assert not (tmp_path / "ran").exists()


def test_a_clone_without_its_base_says_how_to_check_out(repository: Repository, tmp_path: Path) -> None:
    event = repository.requested({"new.yaml": SPEC}, merged=False)
    shallow = tmp_path / "shallow"
    repository.git("clone", "-q", "--depth", "1", "-b", "theirs", repository.root.as_uri(), str(shallow))
    with pytest.raises(NotFound, match="fetch-depth"):
        Clone(shallow).base(event)


def test_a_mistake_is_shown_as_text(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(SPEC + 'freez: "```@everyone <b>"\n')
    found = planned(Changed("bad.yaml", "new"), tmp_path, tmp_path, program=OURS)
    assert found.is_wrong
    text = comment([found])
    assert "**1 spec at fault.**" in text
    assert "````text\nerror[SC101]" in text
    assert " --> bad.yaml:4:1\n" in text
    assert text.index("@everyone") < text.rindex("````")


def test_a_spec_that_would_run_code_or_leave_its_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    (tmp_path / "weights.h5").touch()
    (tmp_path / "specs" / "code.yaml").write_text("spec: 1\nbase: {python: 'code:model'}\n")
    (tmp_path / "specs" / "away.yaml").write_text("spec: 1\nbase: {file: ../weights.h5}\n")
    for name, rule in (("code", "SC112"), ("away", "SC510")):
        found = planned(Changed(f"specs/{name}.yaml", "new"), tmp_path, tmp_path, program=OURS)
        assert (found.is_wrong, found.plan) == (True, "")
        assert f"error[{rule}]" in found.mistakes
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("restricted", [True, False])
def test_paths_are_restricted_unless_the_workflow_says_otherwise(tmp_path: Path, restricted: bool) -> None:
    code = "import json, sys; print(json.dumps({'diagnostics': [], 'words': sys.argv})); sys.exit('plan' in sys.argv)"
    log = tmp_path / "log"
    program = (
        sys.executable,
        "-c",
        f"import sys; open({str(log)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n'); {code}",
    )
    planned(Changed("a.yaml", "new"), tmp_path, tmp_path, restricted=restricted, program=program)
    for call in log.read_text().splitlines():
        assert ("--restrict-paths" in call) is restricted
        assert ("--sandbox-best-effort" in call) is (restricted and call.startswith("plan"))
        assert call.endswith("-- a.yaml")


def test_no_secret_is_in_the_environment_of_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "hunter2")
    code = "import os, sys; print([k for k, v in os.environ.items() if v == 'hunter2']); sys.exit(1)"
    found = planned(Changed("a.yaml", "new"), tmp_path, tmp_path, program=(sys.executable, "-c", code))
    assert found.mistakes == "[]\n"


def test_a_long_comment_is_cut_between_specs() -> None:
    plans = [Planned(Changed(f"{number}.yaml", "new"), plan="### a\n" + "x" * 30_000) for number in range(20)]
    text = comment(plans, left_out=3)
    assert len(text) < LONGEST
    assert "23 specs changed" in text
    assert text.count("x" * 30_000) == 2
    assert "`19.yaml`" in text
    assert "more spec" in text
    huge = [Planned(Changed("a.yaml", "new"), "e" * 100_000, is_wrong=True)] * 20
    assert len(comment(huge)) < LONGEST


class GitHub:
    """As much of GitHub's API as a comment needs."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.refuses = False
        github = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                github.calls.append(f"{self.command} {self.path.partition('?')[0]}")
                assert self.headers["Authorization"] == "Bearer right"
                length = int(self.headers.get("Content-Length") or 0)
                data = json.loads(self.rfile.read(length)) if length else None
                status, said = github.answer(self.command, self.path, data)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(said).encode())

            do_GET = do_POST = do_PATCH = answer

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, method: str, path: str, data: Any) -> tuple[int, Any]:
        if method != "GET" and self.refuses:
            return 403, {"message": "Resource not accessible by integration"}
        if method == "GET":
            page = int(path.rpartition("page=")[2])
            return 200, self.comments[(page - 1) * 100 : page * 100]
        if method == "POST":
            self.comments.append({"id": len(self.comments) + 1, "user": {"type": "Bot"}, **data})
            return 201, self.comments[-1]
        (found,) = (each for each in self.comments if path.endswith(f"/comments/{each['id']}"))
        found.update(data)
        return 200, found


@pytest.fixture
def github() -> Iterator[GitHub]:
    found = GitHub()
    yield found
    found.server.shutdown()
    found.server.server_close()


def test_one_comment_is_renewed(github: GitHub) -> None:
    conversation = Conversation(github.address, "o/r", 7, "right")
    assert conversation.renew(f"{MARKER}\nnothing", only_if_there=True) == "none needed"
    github.comments = [{"id": number, "body": "chat", "user": {"type": "User"}} for number in range(1, 121)]
    github.comments[3]["body"] = f"{MARKER}\nwritten by a stranger"
    assert conversation.renew(f"{MARKER}\none") == "written"
    assert conversation.renew(f"{MARKER}\none\n") == "as it was"
    assert conversation.renew(f"{MARKER}\ntwo", only_if_there=True) == "renewed"
    assert [each["body"] for each in github.comments if MARKER in each["body"]] == [
        f"{MARKER}\nwritten by a stranger",
        f"{MARKER}\ntwo",
    ]
    assert "POST /repos/o/r/issues/7/comments" in github.calls
    assert "PATCH /repos/o/r/issues/comments/121" in github.calls


def test_a_token_without_the_right_is_refused(github: GitHub) -> None:
    github.refuses = True
    with pytest.raises(Refused, match="403"):
        Conversation(github.address, "o/r", 7, "right").renew(f"{MARKER}\none")


def step(name: str, environment: dict[str, str], *, script: str = "run.sh") -> str:
    """What a step of the action prints, called as the action does it."""
    words = [str(ROOT / "scripts" / "pull_request" / script), name]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def runner(event: dict[str, Any], repository: Repository, github: GitHub, folder: Path) -> dict[str, str]:
    """The environment of a job."""
    (folder / "event.json").write_text(json.dumps(event))
    (folder / "temp").mkdir()
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV", "KERAS"))}
    return {
        **kept,
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_WORKSPACE": str(repository.root),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_API_URL": github.address,
        "GITHUB_REPOSITORY": "o/r",
        "RUNNER_TEMP": str(folder / "temp"),
        "INPUT_SPECS": "specs/*.yaml",
    }


@pytest.mark.slow
def test_it_installs_itself_and_plans_on_jax(repository: Repository, github: GitHub, tmp_path: Path) -> None:
    repository.write({"specs/a.yaml": SPEC})
    event = repository.requested({"specs/a.yaml": SPEC.replace("block2", "block1")})
    environment = runner(event, repository, github, tmp_path)
    step("jax", environment, script="install.sh")
    packages = {each.name for each in (tmp_path / "temp" / "spec-compiler").glob("lib/python*/site-packages/*")}
    assert {"keras", "jax", "spec_compiler"} <= packages
    assert "tensorflow" not in packages
    assert step("plan", environment) == "specs changed: 1, at fault: 0\n"
    text = (tmp_path / "summary.md").read_text()
    assert "**3 dropped**" in text
    assert "```mermaid" in text


@pytest.mark.slow
def test_the_whole_of_it(repository: Repository, github: GitHub, tmp_path: Path) -> None:
    """Both steps as the action calls them, with Keras: a new spec, a changed one, and one at fault."""
    repository.write({"specs/a.yaml": SPEC, "specs/c.yaml": SPEC})
    event = repository.requested(
        {
            "specs/a.yaml": SPEC.replace("block2", "block1") + "head: [Flatten, {Dense: {units: 3, name: kinds}}]\n",
            "specs/b.yaml": "spec: 1\nbase: {application: VGG17}\n",
            "specs/d.yaml": SPEC.replace("null", "not_here.weights.h5"),
        }
    )
    environment = runner(event, repository, github, tmp_path)
    program = tmp_path / "temp" / "spec-compiler" / "bin" / "spec-compiler"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m spec_compiler "$@"\n')
    program.chmod(0o755)
    program.with_name("python").symlink_to(sys.executable)
    said = step("plan", environment)
    assert "::error file=specs/b.yaml,line=2," in said
    outputs = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())
    assert (outputs["specs"], outputs["faults"]) == ("3", "1")
    text = (tmp_path / "summary.md").read_text()
    assert "### `specs/a.yaml`: changed" in text
    assert "What it makes, beside what it makes in the base:" in text
    assert "```mermaid" in text
    assert "| `+` | `kinds` | Dense |" in text
    assert "did you mean `VGG16`" in text
    assert "c.yaml" not in text
    assert "#### vgg16" in text[text.index("`specs/d.yaml`: new") :]
    environment |= {"GITHUB_TOKEN": "right", "COMMENT": outputs["comment"], "SPECS": outputs["specs"]}
    said = step("post", environment)
    assert said == "comment: written\n"
    assert github.comments[0]["body"] == text
    github.refuses = True
    (tmp_path / "temp" / "spec-compiler-comment.md").write_text(f"{text}more")
    said = step("post", environment)
    assert said.startswith("::notice::the plans stand in the summary of this job")

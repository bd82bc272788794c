"""The hooks of `.pre-commit-hooks.yaml`, run by the real pre-commit in another project's repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project.environments import ROOT, called, tool

pytestmark = pytest.mark.slow
GOOD = "spec: 1\nbase: {application: VGG16, weights: null}\ncut_at: block3_pool\n"
NAMES = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def test_the_hooks_check_and_mend_what_is_committed(tmp_path: Path) -> None:
    program, project = tool("pre-commit"), tmp_path / "project"
    (project / "specs").mkdir(parents=True)

    def git(*words: str) -> None:
        done = called("git", "-c", "init.defaultBranch=main", *words, cwd=project, **NAMES)
        assert done.returncode == 0, done.stderr

    git("init", "-q")
    (project / "specs" / "good.yaml").write_text(GOOD)
    (project / "elsewhere.yaml").write_text("no: spec\n")
    git("add", "-A")

    def tried(hook: str) -> tuple[int, str]:
        words = (program, "try-repo", ROOT, hook, "--ref", "HEAD", "--all-files", "--verbose")
        done = called(
            *words, cwd=project, PRE_COMMIT_HOME=str(tmp_path / "home"), PATH=f"{program.parent}:/usr/bin:/bin"
        )
        return done.returncode, done.stdout + done.stderr

    status, said = tried("spec-compiler-check-static")
    assert status == 0, said
    assert "1 spec checked (statically: fields and arguments): no errors" in said
    bad = project / "specs" / "bad.yaml"
    bad.write_text(GOOD.replace("cut_at", "cut_of"))
    git("add", "-A")
    status, said = tried("spec-compiler-check-static")
    assert (status, "did you mean `cut_at`?" in said) == (1, True), said
    status, said = tried("spec-compiler-fix")
    assert (status, "fixed SC101 specs/bad.yaml:3:1" in said) == (1, True), said
    assert bad.read_text() == GOOD
    git("add", "-A")
    assert tried("spec-compiler-fix")[0] == 0

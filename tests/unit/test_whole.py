"""Files that are written whole or not at all: races, kills, folders of dead processes."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from spec_compiler.files import whole
from spec_compiler.files.whole import PREFIX, sweep, undisturbed, whole_file, whole_files, workspace


def write(path: Path, text: str, *, replace: bool = True, then: Callable[[], object] = lambda: None) -> None:
    with whole_file(str(path), replace=replace) as temporary:
        Path(temporary).write_text(text)
        then()


def partial(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(".partial")]


def started(folder: Path, text: str) -> subprocess.Popen[str]:
    """A Python process in a folder, once it has printed a line."""
    code = "from spec_compiler.files.whole import *\n" + textwrap.dedent(text)
    process = subprocess.Popen([sys.executable, "-c", code], cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


HELD = """
    import time
    with whole_file("a.txt") as temporary:
        open(temporary, "w").write("half")
        print("ready", flush=True)
        time.sleep(60)
"""


def test_a_file_takes_its_place_at_the_end(tmp_path: Path) -> None:
    with whole_file(str(tmp_path / "deep" / "a.txt")) as temporary:
        Path(temporary).write_text("new")
        assert os.listdir(tmp_path / "deep") == [os.path.basename(os.path.dirname(temporary))]
    assert os.listdir(tmp_path / "deep") == ["a.txt"]


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "old")
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "a.txt", "half", then=lambda: 1 // 0)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("links", [True, False])
def test_finding_S12_a_file_that_came_in_the_meantime_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EPERM, "no links")))
    write(tmp_path / "b.txt", "free", replace=False)
    with pytest.raises(FileExistsError):
        write(tmp_path / "a.txt", "mine", replace=False, then=lambda: (tmp_path / "a.txt").write_text("theirs"))
    assert (tmp_path / "a.txt").read_text() == "theirs"
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "b.txt"]
    assert (tmp_path / "b.txt").read_text() == "free"


def test_finding_S12_a_link_that_leads_nowhere_is_not_replaced_either(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        write(tmp_path / "a.txt", "mine", replace=False)
    assert not (tmp_path / "elsewhere").exists()


def test_finding_S12_of_two_files_none_is_written_where_one_is_there(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("theirs")

    def write_both() -> None:
        with whole_files([str(tmp_path / "a"), str(tmp_path / "b")], replace=False) as (one, other):
            Path(one).write_text("mine")
            Path(other).write_text("mine")

    with pytest.raises(FileExistsError):
        write_both()
    assert os.listdir(tmp_path) == ["b"]
    assert (tmp_path / "b").read_text() == "theirs"


def test_finding_S12_writers_at_once_leave_two_files_of_one_of_them(tmp_path: Path) -> None:
    """Each replaces a pair again and again; whenever nobody has the folder's lock, the two fit or one is missing."""
    writers = [
        started(
            tmp_path,
            f"""
            print("ready", flush=True)
            for turn in range(60):
                with whole_files(["a", "b"]) as temporaries:
                    for each in temporaries:
                        open(each, "w").write(f"{number} {{turn}}")
            """,
        )
        for number in range(3)
    ]
    seen = 0
    while any(each.poll() is None for each in writers):
        with whole.alone([str(tmp_path)]):
            texts = {path.read_text() for path in (tmp_path / "a", tmp_path / "b") if path.exists()}
        assert len(texts) <= 1
        seen += len(texts)
        time.sleep(0.001)
    assert [each.communicate() and each.returncode for each in writers] == [0, 0, 0]
    assert seen
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_finding_S19_what_a_killed_process_left_goes_with_the_next_write(tmp_path: Path) -> None:
    process = started(tmp_path, HELD)
    write(tmp_path / "b.txt", "meanwhile")
    assert len(partial(tmp_path)) == 1  # a living writer's stays
    process.kill()
    process.communicate()
    assert len(partial(tmp_path)) == 1
    write(tmp_path / "c.txt", "later")
    assert sorted(os.listdir(tmp_path)) == ["b.txt", "c.txt"]


def test_finding_S19_a_forked_child_does_not_keep_a_dead_process_alive(tmp_path: Path) -> None:
    process = started(
        tmp_path,
        """
        import os, time
        with workspace("."):
            if not os.fork():
                print(os.getpid(), file=open("child", "w"))
                print("ready", flush=True)
                os.close(1)
                time.sleep(60)
            time.sleep(60)
        """,
    )
    process.kill()
    process.communicate()
    try:
        assert sweep(str(tmp_path)) == ()
        assert partial(tmp_path) == []
    finally:
        os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


def test_a_link_in_the_shape_of_a_private_folder_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("kept")
    work = tmp_path / "work"
    work.mkdir()
    (work / f"{PREFIX}link").symlink_to(precious)
    (work / f"{PREFIX}inside").mkdir()
    (work / f"{PREFIX}inside" / "lock").symlink_to(precious / "file")
    (work / f"{PREFIX}file").write_text("a file of the user's")
    sweep(str(work))
    assert (precious / "file").read_text() == "kept"
    assert (work / f"{PREFIX}file").exists()
    assert os.listdir(precious) == ["file"]


def test_a_private_folder_is_nobody_elses(tmp_path: Path) -> None:
    with workspace(str(tmp_path)) as private:
        assert os.stat(private).st_mode & 0o777 == 0o700
        assert sweep(str(tmp_path)) == (os.path.basename(private),)
    assert os.listdir(tmp_path) == []


def test_a_written_file_has_the_mode_of_any_other(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "a.txt", "new")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_finding_S19_a_signal_just_where_a_private_folder_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the process takes away what the interrupted `finally` did not."""
    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patched, whole.workspace(str(tmp_path)):
        patched.setattr(whole, "undisturbed", interrupted)
    assert len(list(tmp_path.iterdir())) == 1
    whole.release()
    assert list(tmp_path.iterdir()) == []


def interrupted() -> None:
    raise KeyboardInterrupt


def test_finding_S19_a_signal_waits_for_the_end_of_a_step() -> None:
    steps: list[str] = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it

    def step() -> None:
        with undisturbed():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            steps.append("done")

    with pytest.raises(KeyboardInterrupt):
        step()
    assert steps == ["done"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)

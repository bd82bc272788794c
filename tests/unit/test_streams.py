"""Exit statuses where output cannot be delivered, by the commands that need no Keras, and signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.unit.forked import Forked

GOOD = "spec: 1\nbase: {application: VGG16, weights: null, include_top: false, input_shape: [32, 32, 3]}\n"
BAD = GOOD + "cut: block3_pool\n"
COMMAND = f"{sys.executable} -m spec_compiler"
NO_SPACE = "error: cannot write to the standard output: No space left on device\n"

needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    return tmp_path


def shell(folder: Path, line: str) -> tuple[int, str, str]:
    """A line for bash, in which `$s` is the command -> exit status, output, errors."""
    environment = {**os.environ, "s": COMMAND, "SPEC_COMPILER_CACHE": "off"}
    done = subprocess.run(["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def called(
    commands: Forked, folder: Path, words: str, stdout: str | None = None, before: str = ""
) -> subprocess.CompletedProcess[str]:
    """A command in a process that need not import it first."""
    code = f"import os; os.environ['SPEC_COMPILER_CACHE'] = 'off'; {before}\nfrom spec_compiler.cli import main; main()"
    return commands.run(code, *words.split(), folder=folder, stdout=stdout)


@needs_full
@pytest.mark.parametrize(
    "words",
    [
        *(f"check --static bad.yaml --format {each}" for each in ("text", "json", "sarif", "github")),
        *(f"bases --format {each}" for each in ("text", "json", "markdown")),
        "schema",
        "explain",
        "explain SC508",
        "--help",
        "--version",
    ],
)
def test_finding_S20_a_full_disk_under_the_output(commands: Forked, folder: Path, words: str) -> None:
    done = called(commands, folder, words, "/dev/full")
    assert (done.returncode, done.stderr) == (2, NO_SPACE)


@pytest.mark.parametrize("format_", ["text", "json", "sarif", "github"])
def test_finding_S20_a_reader_that_has_gone(commands: Forked, folder: Path, format_: str) -> None:
    """As other tools: the status of SIGPIPE, and silence; never 0, as the outcome was not told."""
    gone = "import os; reader, writer = os.pipe(); os.close(reader); os.dup2(writer, 1); os.close(writer)"
    done = called(commands, folder, f"check --static bad.yaml --format {format_}", before=gone)
    assert (done.returncode, done.stderr) == (141, "")


def test_finding_S20_a_reader_in_a_shell_that_has_gone(folder: Path) -> None:
    assert shell(folder, "{ sleep 0.2; $s check --static bad.yaml; echo $? > status; } | true") == (0, "", "")
    assert (folder / "status").read_text() == "141\n"


def test_finding_S20_a_closed_output(folder: Path) -> None:
    assert shell(folder, "$s explain >&-") == (2, "", "error: cannot write to the standard output: it is closed\n")


@pytest.mark.parametrize("where", ["2>&-", pytest.param("2>/dev/full", marks=needs_full)])
def test_finding_S20_a_message_that_is_lost_is_no_success(commands: Forked, folder: Path, where: str) -> None:
    assert shell(folder, f"$s check --static bad.yaml {where}")[0] == 1  # the errors are on the standard output
    assert shell(folder, f"$s check --static nowhere.yaml {where}")[0] == 2
    (folder / "warned.yaml").write_text(GOOD + "vars: {unused: 1}\n")
    assert called(commands, folder, "check --static warned.yaml").returncode == 0
    assert shell(folder, f"$s check --static warned.yaml {where}")[0] == 2


def test_finding_S20_nothing_at_all_is_open(folder: Path) -> None:
    assert shell(folder, "$s check --static good.yaml <&- >&- 2>&-; echo $? > status") == (0, "", "")
    assert (folder / "status").read_text() == "2\n"


def test_finding_S20_an_encoding_without_the_letters(folder: Path) -> None:
    (folder / "bad.yaml").write_text(GOOD + "head: [De→nse: 3]\n", encoding="utf-8")
    status, printed, errors = shell(folder, "PYTHONIOENCODING=latin-1 $s check --static bad.yaml")
    assert status == 1
    assert "De\\u2192nse" in printed
    assert "Traceback" not in errors


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_finding_S19_a_signal_is_an_orderly_end(folder: Path, name: str, status: int) -> None:
    """In the middle of a write: the file of a command that waits for its text."""
    code = """
        import signal, sys, time
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore them
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        from spec_compiler.cli import main
        from spec_compiler.files import whole
        import spec_compiler.cli.commands.explain as explain
        def waits():
            with whole.whole_file("half.txt") as temporary:
                open(temporary, "w").write("half")
                print("ready", flush=True)
                time.sleep(30)
        explain.rules_text = waits
        sys.argv = ["spec-compiler", "explain"]
        main()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.05)
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=20)
    assert process.returncode == status
    assert errors.strip() == ("interrupted" if name == "SIGINT" else f"stopped by {name}")
    assert sorted(os.listdir(folder)) == ["bad.yaml", "good.yaml"]


@pytest.mark.parametrize("comes", [True, False])
def test_what_a_signal_leaves_half_made_fails_in_silence(comes: bool, folder: Path) -> None:
    """As TensorFlow's objects do, whose `__del__` asks for what their `__init__` did not come to."""
    code = """
        import os, signal, time
        import spec_compiler.cli.signals as signals
        class Half:
            def __init__(self):
                if COMES:
                    os.kill(os.getpid(), signal.SIGTERM)
                    time.sleep(20)
            def __del__(self):
                self.made
        with signals.stopping():
            try:
                Half()
            except signals.Stopped as error:
                status = error.code
        raise SystemExit(status if COMES else 0)
    """.replace("COMES", str(comes))
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == (143 if comes else 0)
    assert ("AttributeError" in done.stderr) == (not comes)


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_finding_S19_a_signal_in_a_destructor_is_not_lost(folder: Path, name: str, status: int) -> None:
    code = """
        import os, signal, sys, time
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
        from spec_compiler.cli import main
        import spec_compiler.cli.commands.explain as explain
        class Let:
            def __del__(self):
                os.kill(os.getpid(), signal.NAME)
                time.sleep(0.05)
        def waits():
            Let()
            time.sleep(20)
            return "went on"
        explain.rules_text = waits
        sys.argv = ["spec-compiler", "explain"]
        main()
    """.replace("NAME", name)
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (status, "")
    assert "Exception ignored" not in done.stderr


def test_a_signal_that_is_sent_once_more_before_the_hook_has_ended_is_not_lost(folder: Path) -> None:
    code = """
        import os, signal, threading, time
        import spec_compiler.cli.signals as signals
        class Let:
            def __del__(self):
                os.kill(os.getpid(), signal.SIGTERM)
        class AtOnce(threading.Timer):
            times = 0
            def start(self):
                AtOnce.times += 1
                super().start()
                if AtOnce.times == 1:
                    time.sleep(0.1)  # longer than the timer waits: the machine is busy
        threading.Timer = AtOnce
        with signals.stopping():
            Let()
            time.sleep(20)
            print("went on")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "")


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_finding_S19_a_signal_that_a_library_takes_for_an_error_of_its_own(
    folder: Path, name: str, status: int
) -> None:
    """TensorFlow does so while it converts a value: training then seemed to break down."""
    code = """
        import os, signal, sys, time
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
        from spec_compiler.cli import main
        import spec_compiler.cli.commands.explain as explain
        def converts():
            try:
                os.kill(os.getpid(), signal.NAME)
                time.sleep(20)
            except BaseException:
                raise TypeError("failed to convert")
        explain.rules_text = converts
        sys.argv = ["spec-compiler", "explain"]
        main()
    """.replace("NAME", name)
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.strip() == ("interrupted" if name == "SIGINT" else f"stopped by {name}")


def test_finding_S19_nohup_is_respected(folder: Path) -> None:
    line = "trap '' HUP; $s explain SC508 > out & pid=$!; kill -HUP $pid; wait $pid; echo $?"
    assert shell(folder, line)[1] == "0\n"

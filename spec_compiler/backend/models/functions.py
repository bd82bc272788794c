"""`module:Name` -> the function or class. Its module may stand beside the spec; its code is allowed to run."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

from spec_compiler.diagnostics import Advice, Diagnostic, SpecError, did_you_mean, near, quoted, show, under
from spec_compiler.diagnostics.advice import Write
from spec_compiler.diagnostics.near import offered
from spec_compiler.files import Folder
from spec_compiler.keras_facts.function_names import bare
from spec_compiler.spec.code_beside import modules_beside, places

# Modules that were found beside a spec: its folder, and what their files held when they were imported.
_BESIDE: dict[str, tuple[str, bytes]] = {}


def find_function(text: str, folder: Folder, code: str) -> Callable[..., Any]:
    """The function that `module:function` names; modules in `folder`, the spec's own, come first.

    Raises:
        SpecError: `code`, where there is no such module or function, or where it is no function.
    """
    with _importing_from(folder, text) as place:
        return _function(text, place, code)


def find_member(text: str, folder: Folder, code: str, noun: str, fits: Callable[[Any], bool]) -> Any:
    """What `module:Name` names, where it `fits`; `noun` says what is looked for, as in `layer class`.

    Raises:
        SpecError: `code`, where there is no such module or name, or where it does not fit.
    """
    name, _, member = text.partition(":")
    with _importing_from(folder, text) as place:
        try:
            module = _module(name, place, code)
        except SpecError as error:  # the name may be a key, before what it is called with
            raise SpecError(_of_the_whole(each, member) for each in error.diagnostics) from None
    found = getattr(module, member, None)
    if found is None or not fits(found):
        others = [key for key, value in vars(module).items() if fits(value)]
        message = f"the module `{name}` has no {noun} `{member}`"
        if hasattr(module, member):
            message = f"`{text}` is {_what(found)}, no {noun}"
        otherwise = f"it has {quoted(others[:8])}" if others else None
        help = offered(near(member, others)) or otherwise
        raise SpecError.single(code, message, at_key=True, help=_written(help, lambda meant: f"{name}:{meant}"))
    return found


def _of_the_whole(said: Diagnostic, member: str) -> Diagnostic:
    """What is said of the module in `module:Name`, at all of it."""
    return replace(said, chars=None, at_key=True, help=_written(said.help, lambda meant: f"{meant}:{member}"))


def _written(help: str | None, whole: Callable[[Any], str]) -> str | None:
    """A help that says one part to write, with the whole text as what is written."""
    if not isinstance(help, Advice):
        return help
    return Advice(help, *(Write(whole(each.value)) if isinstance(each, Write) else each for each in help.changes))


def import_modules(names: Iterable[str], folder: Folder, code: str) -> list[ModuleType]:
    """The modules, imported; those in `folder` come first.

    Raises:
        SpecError: `code`, where there is no such module, or where it fails; paths are positions in `names`.
    """
    modules = []
    for index, name in enumerate(names):
        with under(index), _importing_from(folder, name) as place:
            modules.append(_module(name, place, code))
    return modules


def call_function(text: str, folder: Folder, code: str, *, help: str) -> Any:
    """What the function that `module:function` names returns, called without arguments; `help` says what it should.

    Raises:
        SpecError: `code`, as `find_function`, or where the function fails.
    """
    with _importing_from(folder, text) as place:  # a function may import more when it runs
        function = _function(text, place, code)
        try:
            return function()
        except (Exception, SystemExit) as error:
            reason, notes = reason_in(error, place)
            raise SpecError.single(code, f"`{text}` failed: {reason}", notes=notes, help=help) from error


def reason_in(error: BaseException, folder: str | Folder) -> tuple[str, tuple[str, ...]]:
    """What an error in a user's code says, and a note with the line in a module of the folder that it comes from.

    TensorFlow hands on what Python code raised as text alone, its traceback included.
    """
    place = os.path.realpath(folder)
    lines = [(each.filename, each.lineno, each.line) for each in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        lines.append((error.filename, error.lineno, error.text))
    lines += [(file, int(line), text) for file, line, text in _IN_TEXT.findall(str(error))]
    for file, line, text in reversed(lines):  # the innermost first
        near = os.path.relpath(os.path.realpath(file), place)
        if not near.startswith("..") and "site-packages" not in near.split(os.sep):
            return _reason(error), (f"at {near}:{line}" + (f", `{text.strip()}`" if text and text.strip() else ""),)
    return _reason(error), ()


_IN_TEXT = re.compile(r'File "([^"\n]+)", line (\d+)[^\n]*\n +([^\n]*)')


def function_beside(name: str, folders: Iterable[str | Folder], code: str) -> Callable[..., Any]:
    """The function or class that one module in these folders defines; a saved model does not say where its module is.

    The modules' text is read, and only the one that defines it is imported.

    Raises:
        SpecError: `code`, where none or several of them do.
    """
    plain, modules = bare(name), modules_beside(name, folders)
    if not modules:
        beside = " or ".join(f"`{os.path.relpath(place)}`" for place in places(folders))
        help = f"put the module with `def {plain}` there"
        message = f"no module in the folder {beside} defines `{plain}`, which the model needs"
        raise SpecError.single(code, message, help=help)
    if len(modules) > 1:
        names = " and ".join(f"`{file}`" for _, file in modules[:3])
        help = "leave one of them beside the spec and the model file"
        raise SpecError.single(code, f"the model needs the function `{plain}`, which {names} define", help=help)
    folder, file = modules[0]
    return find_function(f"{file.removesuffix('.py')}:{plain}", folder, code)


def _function(text: str, folder: str, code: str) -> Callable[..., Any]:
    name, _, member = text.partition(":")
    module = _module(name, folder, code)
    span = (len(name) + 1, len(text))
    if not hasattr(module, member):
        callables = [key for key, value in vars(module).items() if callable(value)]
        message = f"the module `{name}` has no function `{member}`"
        raise SpecError.single(code, message, chars=span, help=did_you_mean(member, callables))
    function = getattr(module, member)
    if not callable(function):
        raise SpecError.single(code, f"`{text}` is {show(function)}, not a function", chars=span)
    return function  # type: ignore[no-any-return]


def _what(value: Any) -> str:
    if inspect.isclass(value):
        return "a class"
    return "a function" if inspect.isfunction(value) else show(value)


def _module(name: str, folder: str, code: str) -> ModuleType:
    before = set(sys.modules)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):  # it is there, what it imports is not
            raise _unimportable(name, error, folder, code) from error
        beside = [each.removesuffix(".py") for each in sorted(os.listdir(folder)) if each.endswith(".py")]
        help = did_you_mean(name, beside, f"put `{name.replace('.', '/')}.py` beside the spec, or install its package")
        span = (0, len(name))
        raise SpecError.single(code, f"there is no module `{name}`", chars=span, help=help) from None
    except (Exception, SystemExit) as error:
        raise _unimportable(name, error, folder, code) from error
    finally:
        for new in sys.modules.keys() - before:
            file = _file_of(new)
            if file is not None and os.path.abspath(file).startswith(os.path.join(folder, "")):
                _BESIDE[new] = folder, _digest(file)


def _file_of(module: str) -> str | None:
    return getattr(sys.modules.get(module), "__file__", None)


def _digest(file: str) -> bytes:
    try:
        with open(file, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError:  # it is gone meanwhile
        return b""


def _unimportable(name: str, error: BaseException, folder: str, code: str) -> SpecError:
    reason, notes = reason_in(error, folder)
    return SpecError.single(code, f"`{name}` cannot be imported: {reason}", notes=notes)


@contextlib.contextmanager
def _importing_from(asked: Folder, text: str) -> Iterator[str]:
    """Lets modules be found in a folder, and forgets those of the same process that are others by now.

    Python knows a module by its name alone: the `my_layers` of one spec would be that of the next one too, and the one
    of before the user edited it. Where one was edited all of its folder are forgotten, as they may import each other.

    Raises:
        SpecError: SC510 where the module of `module:function` is a link that leaves the folder.
    """
    name = text.partition(":")[0]
    for file in (f"{name.replace('.', '/')}.py", name.partition(".")[0]):
        asked.permit(file, name)
    folder = os.path.abspath(asked)
    edited = any(_digest(_file_of(name) or "") != digest for name, (_, digest) in _BESIDE.items())
    for name, (place, _) in list(_BESIDE.items()):
        if edited or place != folder:
            sys.modules.pop(name, None)
            del _BESIDE[name]
    importlib.invalidate_caches()  # the file may be younger than Python's look into the folder
    # Of two versions of one second and one size Python would take the bytecode of the first, so none is left there.
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, folder)
    try:
        yield folder
    finally:
        sys.path.remove(folder)
        sys.dont_write_bytecode = writes


def _reason(error: BaseException) -> str:
    text = str(error).split("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

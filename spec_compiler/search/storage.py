"""Where a sweep's trials are recorded: a database in its folder, one of the user's, or a journal."""

from __future__ import annotations

import os
from typing import Any

from spec_compiler.diagnostics import SpecError

DATABASE = "sweep.db"
_HELP = "name a database, `sqlite:///trials.db` or `postgresql://…`, or a file for Optuna's journal"


def open_storage(optuna: Any, storage: str | None, folder: str) -> Any:
    """The storage of a URL, of a journal file, or the database in the sweep's own folder.

    Raises:
        SpecError: SC608.
    """
    try:
        return _opened(optuna, storage, folder)
    except Exception as error:  # whatever a database's driver raises
        shown = _shown(storage) if storage is not None else os.path.join(folder, DATABASE)
        reason = str(error).strip().partition("\n")[0]
        notes = [f"{type(error).__name__}: {reason}" if reason else type(error).__name__]
        raise SpecError.single("SC608", f"the storage `{shown}` cannot be used", notes=notes, help=_HELP) from None


def _opened(optuna: Any, storage: str | None, folder: str) -> Any:
    storages = optuna.storages
    if storage is None:
        return _sqlite(storages, os.path.join(folder, DATABASE))
    if storage.startswith(("redis://", "rediss://")):
        return storages.JournalStorage(storages.journal.JournalRedisBackend(storage))
    if "://" in storage:
        return storages.RDBStorage(storage)
    if os.path.isdir(storage):
        raise IsADirectoryError("it is a folder")
    if os.path.isfile(storage):
        with open(storage, "rb") as stream:
            if stream.read(15) == b"SQLite format 3":
                return _sqlite(storages, storage)
    return storages.JournalStorage(storages.journal.JournalFileBackend(storage))


def _sqlite(storages: Any, path: str) -> Any:
    from sqlalchemy.engine import URL  # comes with Optuna, and takes its time

    url = URL.create("sqlite", database=os.path.abspath(path)).render_as_string()
    # Optuna fills in its version, `{SCHEMA_VERSION}`; SQLite waits this long for another process's write.
    escaped = url.replace("{", "{{").replace("}", "}}")
    return storages.RDBStorage(escaped, engine_kwargs={"connect_args": {"timeout": 60}})


def _shown(storage: str) -> str:
    """A storage as messages say it: without its password."""
    before, separator, rest = storage.partition("://")
    return f"{before}{separator}{rest.rpartition('@')[2]}" if separator and "@" in rest else storage

"""What Keras's layers and callbacks do beside computing: run code, read files, write files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

Purpose = Literal["file", "folder", "module"]

# Layers that run what they are given: Python code, or a graph from a file.
CODE_LAYERS = ("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
# Packages that Keras imports by itself where a config names a class of theirs.
IMPORTED_BY_KERAS = ("keras_hub", "keras_cv", "keras_nlp")
# Arguments of Keras's layers that it reads by their name, wherever such a key stands.
READS: Mapping[str, Purpose] = {"vocabulary": "file", "filepath": "folder"}  # the latter is a SavedModel's
# Arguments of Keras's layers that name a function, `module:function`.
FUNCTIONS = ("function", "mask")
# Arguments of callbacks that name what they write, in the run's folder; those that name it inside of what they write.
WRITES: Mapping[str, str] = {
    "CSVLogger": "filename",
    "ModelCheckpoint": "filepath",
    "OrbaxCheckpoint": "directory",
    "TensorBoard": "log_dir",
}
WRITES_INSIDE: Mapping[str, str] = {"TensorBoard": "embeddings_metadata"}
# The same of callbacks of somebody's own, `package>Name`, whose arguments nobody knows but by their names.
WRITES_OF_OWN = (*WRITES.values(), "backup_dir")
# What layers of somebody's own surely read.
READS_OF_OWN = re.compile(r"(^|_)(file|path|dir|directory|folder|vocab|vocabulary)(_|$)|filename|filepath")

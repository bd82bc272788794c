"""Images in class folders -> samples: one input that is an image, one output with a number for each class."""

from __future__ import annotations

import numpy as np

from spec_compiler.graph import Graph
from spec_compiler.spec import Spec
from spec_compiler.training.folder import Folders
from spec_compiler.training.image_data import check_classes
from spec_compiler.training.reported import input_names, output_names
from spec_compiler.training.samples import Parts, Samples, Series


def folder_parts(spec: Spec, graph: Graph, folders: Folders) -> Parts:
    """The images of the folders as samples.

    Raises:
        SpecError: SC604, paths relative to the spec.
    """
    assert spec.data is not None
    check_classes(graph, folders.train.class_names)
    taken, put_out = input_names(graph)[0], output_names(graph)[0]
    parts: dict[str, Samples] = {}
    for name, folder in folders._asdict().items():
        if folder is None:
            continue
        key = name if isinstance(getattr(spec.data, name), str) else "train"
        path = ("data", key)
        # what an own folder calls a class may be any of them: `same_classes` has compared the names
        images = Series(taken, "image", np.asarray(folder.files, object), path=path)
        labels = Series(put_out, "class", np.asarray(folder.labels, "int64"), folder.class_names, path)
        parts[name] = Samples((images,), (labels,), folder.files.__getitem__, None, np.arange(len(folder)), key)
    return Parts(parts["train"], parts.get("validation"), parts.get("test"))

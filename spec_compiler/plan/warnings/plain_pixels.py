"""SC610: an application with ImageNet's weights that is trained on pixels as files have them.

Most applications were trained on pixels that their `preprocess_input` had scaled or centred. A file of weights is taken
for ImageNet's where it is called as Keras calls those.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from spec_compiler.diagnostics import Diagnostic
from spec_compiler.keras_facts.preprocessing import mode_of
from spec_compiler.language.base import Base
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec

_OF_IMAGENET = ("*_tf_dim_ordering_tf_*", "*_notop.h5", "*_weights_tf_*", "*imagenet*")


def plain_pixels(spec: Spec, plan: Plan) -> Iterator[Diagnostic]:
    """At most one warning, at the data; none where a function gives the images, which may scale them itself."""
    base, graph = spec.base, plan.after
    if base is None or base.application is None or spec.data is None or spec.data.form not in ("folder", "table"):
        return
    if mode_of(base.application) == "none" or not _is_imagenet(base) or len(graph.input_refs) != 1:
        return
    if graph.layer_of(graph.input_refs[0].node).origin.section == "start_at":
        return  # the model begins later, at what no file has
    if any(graph.layer_of(name).is_new for name in graph.consumers[graph.input_refs[0].node]):
        return  # the spec has layers of its own there, or `preprocess`
    message = f"`{base.application}` is given pixels from 0 to 255, its weights are for preprocessed ones"
    yield Diagnostic("SC610", message, ("data", "train"), help="add `input: {preprocess: auto}`")


def _is_imagenet(base: Base) -> bool:
    file_name = (base.weights.file or "").rpartition("/")[2]
    return base.weights.kind == "imagenet" or any(fnmatchcase(file_name, pattern) for pattern in _OF_IMAGENET)

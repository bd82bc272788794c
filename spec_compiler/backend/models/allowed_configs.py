"""What a saved config may name: the parts that Keras's models are made of, by class. Everything else is code.

Keras looks every name of a config up among all that it exports, and calls what it finds: functions that write files or
change its global state too. So the whole config is walked before Keras sees it, and what is not on the list is judged
here: nothing is imported, made or called for it.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras

# The public namespaces leave out some of the names that Keras's `get` takes.
from keras.src.activations import ALL_OBJECTS_DICT as ACTIVATIONS

# private: what `serialization_lib` asks for a class of Keras itself, by its public name
from keras.src.api_export import REGISTERED_NAMES_TO_OBJS as EXPORTED
from keras.src.api_export import REGISTERED_OBJS_TO_NAMES as PUBLIC_NAMES
from keras.src.constraints import ALL_OBJECTS_DICT as CONSTRAINTS
from keras.src.dtype_policies import ALL_OBJECTS_DICT as DTYPE_POLICIES
from keras.src.initializers import ALL_OBJECTS_DICT as INITIALIZERS
from keras.src.losses import ALL_OBJECTS_DICT as LOSSES
from keras.src.metrics import ALL_OBJECTS_DICT as METRICS
from keras.src.models.functional import Functional
from keras.src.optimizers import ALL_OBJECTS_DICT as OPTIMIZERS
from keras.src.quantizers import ALL_OBJECTS_DICT as QUANTIZERS
from keras.src.regularizers import ALL_OBJECTS_DICT as REGULARIZERS

from spec_compiler.diagnostics import SpecError
from spec_compiler.keras_facts.side_effects import CODE_LAYERS, IMPORTED_BY_KERAS

MODELS = (Functional, keras.Sequential, keras.Model)
# Optimizers, losses and metrics stand in the configs of models that were compiled before they became layers.
CLASSES = (
    keras.Operation,  # with layers and models
    keras.Initializer,
    keras.Regularizer,
    keras.constraints.Constraint,
    keras.dtype_policies.DTypePolicy,
    keras.dtype_policies.DTypePolicyMap,
    keras.quantizers.Quantizer,
    keras.quantizers.QuantizationConfig,
    keras.random.SeedGenerator,
    keras.losses.Loss,
    keras.metrics.Metric,
    keras.optimizers.Optimizer,
    keras.optimizers.schedules.LearningRateSchedule,
)
# Data that Keras has a form of its own for.
DATA = ("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__")
LAMBDA = "__lambda__"
# Where Keras itself looks for a function by its name alone (`BUILTIN_MODULES` in saving/serialization_lib.py).
_NAMESPACES = ("activations", "constraints", "initializers", "losses", "metrics", "optimizers", "regularizers")
_BY_NAME = (
    *(ACTIVATIONS, CONSTRAINTS, DTYPE_POLICIES, INITIALIZERS, LOSSES),
    *(METRICS, OPTIMIZERS, QUANTIZERS, REGULARIZERS),
)
_FUNCTIONS = frozenset(
    each for group in (ACTIVATIONS, LOSSES, METRICS) for each in group.values() if inspect.isfunction(each)
)


@dataclass(frozen=True)
class Named:
    """A name in a config, and the layer that it stands in, empty where it is in none."""

    name: str
    layer: str = ""

    @property
    def text(self) -> str:
        """Both, for a message."""
        return f"`{self.name}`" + (f" in the layer `{self.layer}`" if self.layer else "")


@dataclass(frozen=True)
class Findings:
    """What a config names that is no part of Keras's models.

    `functions` are functions that Keras does not know, `lambdas` such as stand in the file as bytecode, `code` layers
    that run what they are given and classes of packages that Keras imports by itself, `registered` what somebody has
    registered with Keras in this process, `unknown` classes that nobody has, `forbidden` what no model is made of, and
    `files` vocabularies that are read from a path.
    """

    functions: tuple[Named, ...] = ()
    lambdas: tuple[Named, ...] = ()
    code: tuple[Named, ...] = ()
    registered: tuple[Named, ...] = ()
    unknown: tuple[Named, ...] = ()
    forbidden: tuple[Named, ...] = ()
    files: tuple[Named, ...] = ()


def findings(config: Any) -> Findings:
    """What in a config, at any depth, is not on the list.

    Below an object of a registered class a name that Keras does not have is that class's own data.
    """
    names: dict[str, dict[Named, None]] = {key: {} for key in Findings.__dataclass_fields__}
    # Not by recursion: a file may be nested as deep as it likes.
    todo: list[tuple[Any, str, bool]] = [(config, "", False)]
    while todo:
        here, layer, is_own = todo.pop()
        if isinstance(here, Mapping) and "class_name" in here:
            inner = here.get("config")
            if isinstance(inner, Mapping) and isinstance(inner.get("name"), str):
                layer = inner["name"]
            judged = list(_judged(here))
            for key, name in judged:
                if key != "unknown" or not is_own:
                    names[key][Named(name, layer)] = None
            is_own = is_own or any(key == "registered" for key, _ in judged)
        if isinstance(here, Mapping | list | tuple):  # reversed, so that messages name the first of the file
            inside = here.values() if isinstance(here, Mapping) else here
            todo += [(each, layer, is_own) for each in reversed(list(inside))]
    return Findings(**{key: tuple(named) for key, named in names.items()})


def refuse_strangers(value: Any, what: str) -> None:
    """Passes arguments, or a layer's config, that Keras is about to make objects of.

    Raises:
        SpecError: SC112 where it names what no model is made of; `what` says what it is.
    """
    forbidden = findings(value).forbidden
    if forbidden:
        message = f"{what} names `{forbidden[0].name}`, which no layer is made of"
        note = "Keras would look it up and call it; no permission is for that"
        raise SpecError.single("SC112", message, notes=[note], help="remove it")


def _judged(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The fields of `Findings` that a serialised object belongs to, with its name."""
    name, inner = entry["class_name"], entry.get("config")
    if not isinstance(name, str):
        yield "forbidden", str(name)[:40]
    elif name == LAMBDA:
        yield "lambdas", "a lambda"
    elif name == "function":
        yield from _function(entry)
    elif name not in DATA:
        yield from _class(entry, name)
        if not isinstance(inner, Mapping):
            return
        if name == "Lambda" and isinstance(inner.get("function"), list):
            yield "lambdas", "a lambda"  # as Keras 2 wrote it
        if not entry.get("module"):
            yield from _functions_by_name(inner)
        if isinstance(inner.get("vocabulary"), str) and _reads_words(entry):
            yield "files", inner["vocabulary"]


def _function(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    name, module = entry.get("config"), entry.get("module")
    if not isinstance(name, str):
        yield "forbidden", "a function without a name"
    elif keras.saving.get_registered_object(name) is not None:
        yield "registered", name
    elif isinstance(module, str) and module.partition(".")[0] == "keras":
        if EXPORTED.get(f"{module}.{name}") not in _FUNCTIONS:
            yield "forbidden", f"{module}.{name}"
    else:
        objects = [EXPORTED.get(f"keras.{each}.{name}") for each in _NAMESPACES]
        objects += [getattr(getattr(keras, each), name, None) for each in _NAMESPACES]
        objects += [group.get(name) for group in (ACTIVATIONS, LOSSES, METRICS)]
        of_keras = [each for each in objects if each is not None]
        if not of_keras:
            yield "functions", name
        elif not all(map(_is_part, of_keras)):
            yield "forbidden", name


def _class(entry: Mapping[str, Any], name: str) -> Iterator[tuple[str, str]]:
    module = entry.get("module")
    registered = entry.get("registered_name", name)
    for candidate in (registered, name) if not module else (registered,):
        if isinstance(candidate, str) and keras.saving.get_registered_object(candidate) is not None:
            yield "registered", candidate
            return
    full = f"{module}.{name}" if isinstance(module, str) and module else name
    objects = list(_found(module, name))
    package = full.partition(".")[0]
    if name in CODE_LAYERS and name != "Lambda":
        yield "code", name
    elif package in IMPORTED_BY_KERAS and package != full:
        yield "code", full
    elif not objects:
        is_inside = package == "keras" and package != full
        yield "forbidden" if is_inside and _is_exported(full) else "unknown", str(registered or full)
    elif not all(map(_is_part, objects)):
        yield "forbidden", full


def _found(module: Any, name: str) -> Iterator[Any]:
    """What Keras finds under a name, without the import that it tries last."""
    if isinstance(module, str) and module:
        if module.partition(".")[0] == "keras":
            exported = EXPORTED.get(f"{module}.{name}")
            inside = vars(sys.modules[module]).get(name) if module in sys.modules else None
            yield from (each for each in (exported, inside) if each is not None)
    else:
        groups = (*_BY_NAME, _legacy())
        yield from (group[name] for group in groups if name in group)


@functools.cache
def _legacy() -> Mapping[str, Any]:
    """What Keras's reader of legacy files finds by name alone: all that stands in the module of its layers."""
    from keras.src import layers  # private: `model_from_config` of legacy/saving takes the module as it is

    return {**vars(layers), **{each.__name__: each for each in MODELS}}


def _functions_by_name(arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Arguments that the reader of legacy files takes for functions of Keras's, because they are called like them."""
    for key, each in arguments.items():
        function = _legacy().get(each) if key != "name" and isinstance(each, str) else None
        # Those of keras/src/layers/merging only compute, and `average` may be a plain word of a layer's own.
        if inspect.isfunction(function) and ".merging." not in function.__module__:
            yield "forbidden", f"keras.layers.{each}"


def _reads_words(entry: Mapping[str, Any]) -> bool:
    """Whether it is an object of Keras's: one that takes a vocabulary reads a file of that name."""
    return not any(key == "registered" for key, _ in _class(entry, entry["class_name"]))


def _is_exported(full: str) -> bool:
    module, _, name = full.rpartition(".")
    return full in EXPORTED or hasattr(sys.modules.get(module), name)


def _is_part(named: Any) -> bool:
    """Whether a class or function of Keras's is one that its models are made of."""
    if not inspect.isclass(named):
        return inspect.isfunction(named) and named in _FUNCTIONS
    runs_code = named.__name__ in CODE_LAYERS and named.__name__ != "Lambda"
    is_tool = str(PUBLIC_NAMES.get(named)).startswith("keras.utils.")  # `FeatureSpace` is a layer too
    if not named.__module__.startswith("keras.src.") or runs_code or is_tool:
        return False
    return named in MODELS if issubclass(named, keras.Model) else issubclass(named, CLASSES)

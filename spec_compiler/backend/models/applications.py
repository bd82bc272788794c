"""Applications as Keras builds them: the graph that a constructor makes for its weights, and the file it would load.

Some constructors build another graph for `imagenet` than for other weights (EfficientNet scales its pixels once more),
so each runs with the weights that the spec means. What it would download is noted and not fetched, what it would load
is not loaded.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
from keras.src.applications import imagenet_utils  # private: what all constructors ask for their input's shape
from keras.src.utils import file_utils  # private: what all constructors ask for a file

from spec_compiler.backend.models.allowed_configs import refuse_strangers
from spec_compiler.backend.models.fit_errors import keras_reason
from spec_compiler.backend.models.reader import read_graph
from spec_compiler.backend.models.symbolic import skeleton
from spec_compiler.diagnostics import SpecError, under
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import Shape
from spec_compiler.language.base import Base


@dataclass(frozen=True)
class Download:
    """A file that a constructor asks `keras.utils.get_file` for, and how."""

    arguments: tuple[Any, ...]
    options: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What Keras calls the file."""
        return str(self.options["fname"] if "fname" in self.options else self.arguments[0])

    @property
    def place(self) -> str:
        """Where Keras looks for it before it downloads it."""
        return _shown(os.path.join(file_utils.config.keras_home(), "models", self.name))

    @property
    def has_hash(self) -> bool:
        """Whether Keras knows the file's hash, and so downloads it again where it differs."""
        return self.options.get("file_hash") is not None

    def is_at(self, path: str) -> bool:
        """Whether a file is this one: by its name, or by the hash that Keras knows; of some files it knows none."""
        own = self.options.get("file_hash")
        return os.path.basename(path) == self.name or (own is not None and file_utils.validate_file(path, own))


@dataclass(frozen=True)
class Application:
    """What a constructor makes: its graph, and the file with the weights that it would load, if any."""

    graph: Graph
    download: Download | None


def application(base: Base, size: Shape | None = None) -> Application:
    """What Keras's constructor makes for a base, without weights and without network.

    `size` is the shape of the input, without the batch axis, in place of what the base says. The constructor need not
    like it: other sections of the spec may make it fit.

    Raises:
        SpecError: SC505, relative to the base.
    """

    def make() -> Application:
        with _noted(size is not None) as downloads:
            graph = read_graph(constructed(base, _weights(base), size))
        return Application(graph, downloads[-1] if downloads else None)

    try:
        return skeleton(make)
    except SpecError:
        raise
    except Exception as error:
        raise _not_built(base, error) from None


def constructed(base: Base, weights: str | None, size: Shape | None = None) -> Any:
    """What Keras's constructor returns for a base, with `weights` and the shape of its input in place of the base's."""
    for key, value in base.arguments.items():
        with under(key):
            refuse_strangers(value, f"`{key}`")
    arguments = {key: tuple(value) if isinstance(value, list) else value for key, value in base.arguments.items()}
    if size is not None:
        arguments["input_shape"] = size
    return getattr(keras.applications, base.application or "")(weights=weights, **arguments)


def loaded(base: Base, file: Callable[[], str]) -> Any:
    """The application as Keras makes and loads it; `file` says where the weights are, and downloads them if need be.

    Where Keras refuses the size of the input, though the weights fit, it is made without asking, and loaded after.
    """
    try:
        return constructed(base, _weights(base) or file())
    except ValueError:
        with _noted(False):
            model = constructed(base, _weights(base))
        model.load_weights(file())
        return model


def _weights(base: Base) -> str | None:
    """What decides on the graph: for a file Keras builds what it does for none."""
    return "imagenet" if base.weights.kind == "imagenet" else None


def downloaded(download: Download | None, base: Base) -> str:
    """The file that Keras itself downloads (or has in its cache) for the application, checked against Keras's hash.

    Raises:
        SpecError: SC504, relative to the base.
    """
    if download is None:
        raise SpecError.single("SC504", f"`{base.application}` has no `imagenet` weights", path=("weights",))
    target: list[str] = []
    try:
        with contextlib.redirect_stdout(sys.stderr), _kept_files(target):
            return str(file_utils.get_file(*download.arguments, **download.options))
    except _Kept as kept:
        place = _shown(target[0])
        note = f"`{place}` is there, but its hash is not the one that Keras knows: it is damaged, or another file"
        reason = f"URL fetch failure on {kept.address}: {kept.reason}"
        raise _no_download(base, reason, f"put the right file in place of `{place}`", note) from None
    except Exception as error:
        reason = keras_reason(error)
        way = f"put the file at `{_shown(target[0])}`" if target else "let Keras write there"
        if "corrupted" in reason:
            way = "try again, as Keras then downloads it anew"
        raise _no_download(base, reason, way) from None


def _not_built(base: Base, error: Exception) -> SpecError:
    """SC505 for a constructor that refuses its arguments."""
    reason = keras_reason(error)
    blamed = next((name for name in base.arguments if re.search(rf"\b{name}\b", reason)), "application")
    message = f"`{base.application}` cannot be built from these arguments"
    return SpecError.single("SC505", message, path=(blamed,), notes=[f"Keras says: {reason}"])


@contextlib.contextmanager
def _noted(any_size: bool) -> Iterator[list[Download]]:
    """Constructors that run inside note what they would download, and load nothing.

    For `imagenet` with the top on Keras refuses every size but the default, even where the weights fit; whether they
    do is checked afterwards, so that only what it says of channels is asked for. With `any_size` it is not asked at
    all.
    """
    downloads: list[Download] = []
    own = imagenet_utils.obtain_input_shape

    def obtain_input_shape(
        input_shape: Shape | None,
        default_size: int,
        min_size: int,
        data_format: str,
        require_flatten: bool,
        weights: Any = None,
    ) -> Any:
        if any_size:
            return input_shape
        if weights == "imagenet" and require_flatten and input_shape is not None:
            own(input_shape, default_size, min_size, data_format, False, weights)
            weights = None  # keras/src/applications/imagenet_utils.py then takes any size from `min_size` on
        return own(input_shape, default_size, min_size, data_format, require_flatten, weights)

    def get_file(*arguments: Any, **options: Any) -> str:
        downloads.append(Download(arguments, options))
        return downloads[-1].name

    # Replaced in Keras's own modules: the files of the constructors import these, not the functions in them.
    with contextlib.ExitStack() as stack:
        stack.enter_context(_replaced(imagenet_utils, "obtain_input_shape", obtain_input_shape))
        stack.enter_context(_replaced(file_utils, "get_file", get_file))
        stack.enter_context(_replaced(keras.Model, "load_weights", lambda self, *arguments, **options: None))
        stack.enter_context(warnings.catch_warnings())
        # of sizes for which Keras has no file of their own: the weights of another size are what it loads for them
        warnings.filterwarnings("ignore", message="`input_shape` is undefined or non-square")
        yield downloads


class _Kept(BaseException):
    """A download that failed before it touched the file in its place.

    Keras removes that file when the download fails with an `Exception`: with the wrong hash it may still be the only
    copy that somebody has.
    """

    def __init__(self, address: str, reason: object) -> None:
        super().__init__(address)
        self.address, self.reason = address, reason


@contextlib.contextmanager
def _kept_files(target: list[str]) -> Iterator[None]:
    """Downloads inside put their target into `target`, and leave a file that is there where it is when they fail."""
    own = file_utils.urlretrieve

    def urlretrieve(address: str, place: str, *arguments: Any) -> Any:
        target.append(place)
        before = _state(place)
        try:
            return own(address, place, *arguments)
        except Exception as error:
            if before is not None and before == _state(place):
                raise _Kept(address, getattr(error, "reason", error)) from None
            raise

    with _replaced(file_utils, "urlretrieve", urlretrieve):
        yield


def _state(path: str) -> tuple[int, int] | None:
    """Size and time of a file, by which another one in its place is told; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _shown(path: str) -> str:
    """A path as messages say it: from the user's home, where Keras keeps its files."""
    home = os.path.expanduser("~")
    return f"~{path.removeprefix(home)}" if path.startswith(home + os.sep) else path


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    own = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, own)


def _no_download(base: Base, reason: str, way: str, *notes: str) -> SpecError:
    message = f"Keras could not download the `imagenet` weights of `{base.application}`"
    help = f"{way}, or name a local file in `weights`;\n`--set base.weights=null` compiles without pretrained weights"
    return SpecError.single("SC504", message, path=("weights",), notes=[*notes, f"Keras says: {reason}"], help=help)

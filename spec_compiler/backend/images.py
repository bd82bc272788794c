"""Image files -> arrays, through Keras's own reader, and the proof that every file can be read.

The one place that opens images. What a file is, how large the picture in it is and in which format it stands are known
from its first bytes, before anything is decoded.
"""

from __future__ import annotations

import functools
import io
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Any

import keras
import numpy as np

from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.files import HERE, Folder
from spec_compiler.files.near_files import did_you_mean_file
from spec_compiler.training.folder import FORMATS

Array = np.ndarray[Any, Any]

NUM_THREADS = 8  # Pillow decodes outside Python's global lock
COLOR_MODES = {1: "grayscale", 3: "rgb", 4: "rgba"}
# Formats that Pillow decodes by itself, under whatever name: for EPS, say, it would start another program.
DECODED = ("JPEG", "PNG", "BMP", "DIB", "GIF", "WEBP", "TIFF")
MAX_PIXELS = 89_478_485  # above that Pillow warns of a decompression bomb
MAX_BYTES = 2**29
# Pixels, or bytes. Such pictures are decoded one after another, so that eight threads hold one of them.
LARGE = 8_000_000
_AGAIN = "remove it, or save it again as PNG or JPEG"


@dataclass(frozen=True, slots=True)
class ImageReader:
    """How a file becomes an array of shape `(height, width, channels)`, float32 from 0 to 255.

    `folder` is that of the spec which names the files, and is not left where it is confined.
    """

    size: tuple[int, int]
    channels: int = 3
    interpolation: str = "bilinear"
    crop: bool = False
    folder: Folder = HERE

    def read(self, path: str) -> Array:
        """One image.

        Raises:
            OSError, SyntaxError, ValueError: as Pillow does for a file that is no image; for what is no file or too
                large.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata; the pixels are what counts
            with self.folder.open(path) as stream:
                is_large = num_pixels(stream) > LARGE or os.fstat(stream.fileno()).st_size > LARGE
                stream.seek(0)
                return _one_by_one().submit(self._decoded, stream).result() if is_large else self._decoded(stream)

    def _decoded(self, stream: IO[bytes]) -> Array:
        image = keras.utils.load_img(
            io.BytesIO(stream.read(MAX_BYTES)),
            color_mode=COLOR_MODES[self.channels],
            target_size=self.size,
            interpolation=self.interpolation,
            keep_aspect_ratio=self.crop,
        )
        return np.asarray(keras.utils.img_to_array(image, data_format="channels_last", dtype="float32"))

    def read_all(self, paths: Sequence[str]) -> Array:
        """A batch, `(len(paths), height, width, channels)`.

        Raises:
            SpecError: SC603 for one that cannot be read.
        """
        with ThreadPoolExecutor(min(NUM_THREADS, max(1, len(paths)))) as pool:
            results = list(pool.map(self.attempt, paths))
        for path, result in zip(paths, results, strict=True):
            if isinstance(result, str):
                raise SpecError.single("SC603", f"`{_shown(path)}` cannot be read: {result}", help=_AGAIN)
        return np.stack([image for image in results if not isinstance(image, str)])

    def attempt(self, path: str) -> Array | str:
        """One image, or why it cannot be read."""
        try:
            return self.read(path)
        except Exception as error:  # Pillow lets errors of its decoders through: struct.error, DecompressionBombError
            return _reason(error, path)


def num_pixels(stream: IO[bytes]) -> int:
    """How many pixels the picture in a file has, of which no more than the first bytes are read.

    Raises:
        OSError: it is no image of a format that is read, or too large.
    """
    from PIL import Image  # an optional package; `require_pillow` has been asked

    size = os.fstat(stream.fileno()).st_size
    if size > MAX_BYTES:
        raise OSError(f"the file has {size / 1e6:,.0f} MB, images of up to {MAX_BYTES / 1e6:,.0f} MB are read")
    with Image.open(stream, formats=formats()) as image:
        width, height = image.size
    if width * height > MAX_PIXELS:
        most = f"images of up to {MAX_PIXELS / 1e6:.0f} million are read"
        raise OSError(f"it has {width:,} x {height:,} pixels, {most}")
    return width * height


@functools.cache
def _one_by_one() -> ThreadPoolExecutor:
    """The one thread that decodes large pictures: each thread keeps the memory that it once had for itself."""
    return ThreadPoolExecutor(1)


@functools.cache
def formats() -> tuple[str, ...]:
    """Those of `DECODED` that this build of Pillow has."""
    from PIL import Image

    Image.init()
    return tuple(each for each in DECODED if each in Image.OPEN)


def check_images(
    reader: ImageReader,
    paths: Sequence[str],
    seen: Callable[[int], None] = lambda count: None,
    places: Sequence[str] = (),
) -> None:
    """Proves that every file can be read, by reading it; `seen` is told how many are done.

    `places` says of each where it is named, where that is in a file as well.

    Raises:
        SpecError: SC603, naming the first few.
    """
    problems: list[str] = []

    def probe(index: int) -> str | None:  # of each image only this is kept
        result = reader.attempt(paths[index])
        here = f"{places[index]}: " if places else ""
        return f"{here}{_shown(paths[index])}: {result}" if isinstance(result, str) else None

    with ThreadPoolExecutor(NUM_THREADS) as pool:
        for count, problem in enumerate(pool.map(probe, range(len(paths)), chunksize=16), start=1):
            if problem is not None:
                problems.append(problem)
            seen(count)
    if problems:
        what = "an image cannot be read" if len(problems) == 1 else f"{len(problems)} images cannot be read"
        more = [f"and {len(problems) - 5} more"] if len(problems) > 5 else []
        help = _AGAIN if len(problems) == 1 else "remove them, or save them again as PNG or JPEG"
        raise SpecError([Diagnostic("SC603", what, notes=(*problems[:5], *more), help=help)])


def find_images(paths: Sequence[str]) -> list[str]:
    """The files as they are named, and every image below the folders, in alphabetical order.

    Raises:
        SpecError: SC501 for folders that are not there, and where nothing is; a missing image among others is left
            to whoever reads it.
    """
    missing = [path for path in paths if not os.path.exists(path)]
    if len(missing) < len(paths):
        missing = [path for path in missing if not path.lower().endswith(FORMATS)]
    if missing:
        raise SpecError(
            Diagnostic("SC501", f"no file or folder `{path}`", help=did_you_mean_file(path)) for path in missing
        )
    files: list[str] = []
    for path in paths:
        if not os.path.isdir(path):
            files.append(path)
        for folder, folders, names in os.walk(path):  # of a file there is nothing to walk
            folders.sort()  # in place: `os.walk` goes on with this list
            files += [os.path.join(folder, name) for name in sorted(names) if name.lower().endswith(FORMATS)]
    return files


def _shown(path: str) -> str:
    """A path as messages say it: from the folder that the caller is in, if it is below that."""
    near = os.path.relpath(path)
    return path if near.startswith("..") else near


def _reason(error: BaseException, path: str) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if type(error).__name__ == "UnidentifiedImageError":
        return "it is not an image that Pillow knows"
    return str(error).split("\n")[0].replace(path, "it") or type(error).__name__

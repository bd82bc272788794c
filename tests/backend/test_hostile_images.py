"""What is called an image and would hang, fill the memory or run something: refused by its first bytes, finding S18."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import struct
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import keras
import pytest
from PIL import Image

from spec_compiler import SpecError, compile_spec
from spec_compiler.backend.images import ImageReader, check_images, find_images
from spec_compiler.backend.inference import open_model, run_images
from spec_compiler.files import Folder
from spec_compiler.training.folder import read_folder
from tests.backend.hostile_places import picture

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes as POSIX has them")


def png(width: int, height: int) -> bytes:
    """A black PNG of one bit a pixel, as small as its size allows."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    squeezed = zlib.compressobj(9)
    row = b"\0" * (1 + (width + 7) // 8)
    data = b"".join(squeezed.compress(row) for _ in range(height)) + squeezed.flush()
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


def saved(kind: str, size: tuple[int, int] = (8, 8)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size).save(stream, kind)
    return stream.getvalue()


def hostile_images() -> dict[str, bytes]:
    bmp, gif, jpeg = bytearray(saved("BMP")), bytearray(saved("GIF")), bytearray(saved("JPEG"))
    bmp[18:26] = struct.pack("<ii", 60_000, 60_000)
    gif[6:10] = struct.pack("<HH", 65_535, 65_535)
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 65_500, 65_500)
    return {
        "169 megapixels": png(13_000, 13_000),
        "a bitmap of 3,600": bytes(bmp),
        "a GIF of 4,294": bytes(gif),
        "a JPEG of 4,290": bytes(jpeg),
        "half of it": saved("PNG", (300, 300))[:200],
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(ran) (w) file closefile\n",
        "text": b"no image",
        "nothing": b"",
        "null bytes": b"\0" * 10_000,
    }


@pytest.mark.parametrize("name", hostile_images())
def test_a_hostile_image_finding_S18(name: str, tmp_path: Path) -> None:
    """Refused by what its first bytes say, at once."""
    path = tmp_path / "x.png"
    path.write_bytes(hostile_images()[name])
    start = time.monotonic()
    with pytest.raises(SpecError) as caught:
        check_images(ImageReader((8, 8)), [str(path)])
    assert caught.value.diagnostics[0].code == "SC603"
    assert time.monotonic() - start < 1
    assert isinstance(ImageReader((8, 8)).attempt(str(path)), str)


def test_an_image_file_of_a_gigabyte_finding_S18(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(saved("PNG"))
    os.truncate(path, 2**30)
    start = time.monotonic()
    assert "MB" in str(ImageReader((8, 8)).attempt(str(path)))
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "folder", "link to a pipe", "link to nothing"])
def test_no_file_called_an_image_finding_S18(kind: str, tmp_path: Path) -> None:
    """It would hang: nothing writes into the pipe. Known before an image is opened, and where one is read alone."""
    path = tmp_path / "data" / "cat" / "x.png"
    picture(tmp_path / "data" / "cat" / "0.png", 0)
    picture(tmp_path / "data" / "dog" / "0.png", 0)
    with contextlib.ExitStack() as stack:
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            stack.enter_context(socket.socket(socket.AF_UNIX)).bind(os.path.relpath(path))
        elif kind == "device":
            path.symlink_to("/dev/zero")
        elif kind == "folder":
            path.mkdir()
        else:
            path.symlink_to(tmp_path / "there")
            if kind == "link to a pipe":
                os.mkfifo(tmp_path / "there")
        start = time.monotonic()
        assert isinstance(ImageReader((8, 8)).attempt(str(path)), str)
        if kind != "folder":
            with pytest.raises(SpecError) as caught:
                read_folder("data", Folder(str(tmp_path)))
            assert [each.code for each in caught.value.diagnostics] == ["SC603"]
            assert "x.png" in caught.value.diagnostics[0].message
        assert time.monotonic() - start < 1


def test_large_pictures_are_decoded_one_after_another_finding_S18(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight threads that each hold a picture of the largest size would need eight times its memory."""
    for number in range(8):
        picture(tmp_path / f"{number}.png", number)
    own, at_once, most = keras.utils.load_img, [0], [0]

    def load_img(*arguments: Any, **options: Any) -> Any:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        time.sleep(0.01)
        try:
            return own(*arguments, **options)
        finally:
            at_once[0] -= 1

    monkeypatch.setattr(keras.utils, "load_img", load_img)
    monkeypatch.setattr("spec_compiler.backend.images.LARGE", 1)
    found = ImageReader((8, 8)).read_all([str(tmp_path / f"{number}.png") for number in range(8)])
    assert [int(image.max()) for image in found] == list(range(8))
    assert most == [1]


def test_a_hostile_image_to_prove_on_finding_S18(tmp_path: Path) -> None:
    """`--probe` reads images as training does: what cannot be read is told, and no traceback."""
    os.mkfifo(tmp_path / "0.png")
    inputs = keras.Input((8, 8, 3), name="image")
    base = keras.Model(inputs, keras.layers.Conv2D(2, 3, name="conv")(inputs))
    with pytest.raises(SpecError) as caught:
        compile_spec({"spec": 1}, base=base, probe=tmp_path)
    assert [each.code for each in caught.value.diagnostics] == ["SC603"]
    assert "it is a pipe, not a file" in caught.value.diagnostics[0].message


def test_a_hostile_image_to_classify_finding_S18(tmp_path: Path) -> None:
    """`predict` and `features` name it, and go on with the others."""
    os.mkfifo(tmp_path / "0.png")
    (tmp_path / "1.png").write_bytes(png(13_000, 13_000))
    picture(tmp_path / "2.png", 0)
    inputs = keras.Input((8, 8, 3), name="image")
    keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="mean")(inputs)).save(tmp_path / "model.keras")
    opened = open_model(str(tmp_path / "model.keras"))
    (batch,) = run_images(opened, find_images([str(tmp_path)]))
    assert [os.path.basename(each) for each in batch.files] == ["2.png"]
    assert [os.path.basename(each) for each, _ in batch.unreadable] == ["0.png", "1.png"]

"""The edges that `specs/hed_edges.yaml` finds in a photograph, beside it: `docs/images/hed_edges.png`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

from spec_compiler import compile_spec

ROOT = Path(__file__).parents[1]
MEAN = (104.00699, 116.66877, 122.67892)  # of BSDS500 in BGR, as HED was trained


def main() -> None:
    """Writes the picture to the path given, or to its place in the documentation."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images" / "hed_edges.png"
    photograph = load_sample_image("china.jpg")[:416]
    model = compile_spec(ROOT / "specs" / "hed_edges.yaml").model
    edges = model.predict(photograph[None, :, :, ::-1].astype("float32") - np.array(MEAN, "float32"), verbose=0)
    drawing = np.repeat((255 * (1 - edges[0])).round().astype("uint8"), 3, axis=2)
    both = Image.fromarray(np.concatenate([photograph, drawing], axis=1))
    path.parent.mkdir(parents=True, exist_ok=True)
    both.resize((both.width * 3 // 4, both.height * 3 // 4), Image.Resampling.LANCZOS).quantize(128).save(
        path, optimize=True
    )
    print(f"saved {path}")


if __name__ == "__main__":
    main()

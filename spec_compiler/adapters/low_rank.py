"""What LoRA has learned: from a file into a layer's matrices, or made one with its kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spec_compiler.diagnostics import SpecError
from spec_compiler.graph import Graph
from spec_compiler.graph.adapter import Adapter, Preserves, Recipe, Unfit, Values, recipe_of
from spec_compiler.graph.equation import Equation
from spec_compiler.graph.layer_spec import LayerSpec, Place, VariableSpec
from spec_compiler.graph.low_rank import kernel_of
from spec_compiler.keras_facts.lora import MATRICES, part_of
from spec_compiler.reading.lora_file import Array, Learned, LoraFile, array_name, kernel_checksum

_FROM = ("weights",)


@dataclass(frozen=True)
class FromFile(Adapter):
    """A layer whose matrices, or variables as a whole, are those of a file of adapters; the rest is as it was.

    `takes_others` says whether variables that are no matrices are taken as well.
    """

    before: LayerSpec
    file: LoraFile
    other_base: bool = False
    takes_others: bool = True

    @property
    def strategy(self) -> str:
        """The file."""
        return self.file.name

    @property
    def layer_before(self) -> LayerSpec:
        """As `Adapter.layer_before`."""
        return self.before

    @property
    def formula(self) -> str:
        """As `Adapter.formula`."""
        return f"as `{self.file.name}` has them"

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """Nothing: it was learned."""
        return "not", "it was learned"

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """Every variable that the file has, and those that were adapted before.

        Raises:
            Unfit: the file has none for a matrix, a variable of another shape, or one that the layer has not.
        """
        was = _was(self, layer)
        made = dict(was.adapter.recipes(layer)) if was.adapter is not None else {}
        for index, variable in enumerate(layer.variables or ()):
            part = part_of(variable.path)
            if part is not None:
                name = array_name(layer.name_in_keras, variable.path)
                array = _fitting(self.file, name, variable)
                proven = self._proven(layer, part) if name.endswith(":a") else _as_it_is
                made[index] = Recipe((), self.formula, _made(array, proven))
        return made | (_others(self.file, layer, self.formula) if self.takes_others else {})

    def _proven(self, layer: LayerSpec, part: str) -> Callable[[Values], None]:
        """Proves that the kernel is the one beside which the matrices were learned."""
        learned = learned_of(self.file, layer.name_in_keras, part)
        kernel = kernel_of(part, layer.variables or ())
        if self.other_base or learned is None or kernel is None:
            return _as_it_is
        recipe = recipe_of(_was(self, layer), (layer.variables or ()).index(kernel))
        return lambda values: _prove(self, learned, kernel, recipe, values)


@dataclass(frozen=True)
class Merged(Adapter):
    """A layer without LoRA that computes what it did with it: W + alpha/rank·A·B is its kernel.

    A and B are the base's, or those of a file; `takes_others` is as in `FromFile`.
    """

    before: LayerSpec
    learned: Mapping[str, Learned] = field(hash=False)
    file: LoraFile | None = None
    other_base: bool = False
    takes_others: bool = True

    @property
    def strategy(self) -> str:
        """The word of the spec."""
        return "merge"

    @property
    def layer_before(self) -> LayerSpec:
        """As `Adapter.layer_before`."""
        return self.before

    @property
    def absorbs_lora(self) -> bool:
        """As `Adapter.absorbs_lora`."""
        return True

    @property
    def formula(self) -> str:
        """As `Adapter.formula`."""
        return "W + alpha/rank·A·B" + (f" of `{self.file.name}`" if self.file is not None else "")

    def promise(self, layer: LayerSpec, graph: Graph) -> tuple[Preserves, str]:
        """The function with LoRA, if that is the base's own; what a file adds was learned."""
        return ("exact", "the function with LoRA") if self.file is None else ("not", "it was learned")

    def equation(self, layer: LayerSpec, graph: Graph) -> Equation | None:
        """That it puts out what the base's layer does with its own matrices, or with those of the file."""
        if self.before.adapter is not None or not self.before.computes_as_in_base:
            return None
        if self.file is None:
            return Equation((self.before.name_in_base,))
        reference: dict[Place, Recipe] = {}
        for index, recipe in self.recipes(layer).items():
            place = layer.place(index)
            if place is not None:
                reference[place] = recipe
        return Equation((self.before.name_in_base,), reference=reference)

    def recipes(self, layer: LayerSpec) -> Mapping[int, Recipe]:
        """The kernels, other variables that the file has, and those that were adapted before.

        Raises:
            Unfit: matrices whose product has another shape, and as `FromFile`.
        """
        was = _was(self, layer)
        made = dict(was.adapter.recipes(layer)) if was.adapter is not None else {}
        variables = layer.variables or ()
        for part, learned in self.learned.items():
            kernel = kernel_of(part, variables)
            index = variables.index(kernel) if kernel is not None else None
            recipe = recipe_of(was, index) if index is not None else None
            if kernel is None or index is None or recipe is None:
                raise Unfit("its kernel has no values of the base")
            pair = self._of_the_file(layer, part, kernel) if self.file is not None else self._of_the_base(part)
            made[index] = Recipe(recipe.sources, self.formula, self._make(recipe, pair, learned, kernel))
        if self.file is not None and self.takes_others:
            made |= _others(self.file, layer, f"as `{self.file.name}` has it")
        return made

    def _make(
        self, recipe: Recipe, pair: Callable[[Values], Any], learned: Learned, kernel: VariableSpec
    ) -> Callable[[Values], Array]:
        def make(values: Values) -> Array:
            import numpy as np  # a check that adapts nothing is to start without it

            if self.file is not None and not self.other_base:
                _prove(self, learned, kernel, recipe, values)
            matrices = pair(values)
            array: Array = np.asarray(recipe.make(values))
            if matrices is not None:
                a, b = (np.asarray(each, "float64") for each in matrices)
                array = array.astype("float64") + learned.alpha / learned.rank * (a @ b)
            return array

        return make

    def _of_the_file(self, layer: LayerSpec, part: str, kernel: VariableSpec) -> Callable[[Values], Any]:
        assert self.file is not None
        name = array_name(layer.name_in_keras, f"{part}lora_").rpartition(":")[0]
        a, b = (self.file.arrays[f"{name}:{key}"] for key in "ab")
        if (*a.shape[:-1], b.shape[-1]) != kernel.shape:
            got = f"`{name}:a` and `{name}:b` have the shapes {a.shape} and {b.shape}"
            raise Unfit(f"{got}, the kernel has {kernel.shape}", path=_FROM)
        return lambda values: (a, b)

    def _of_the_base(self, part: str) -> Callable[[Values], Any]:
        paths = [each.path for each in self.before.variables or ()]
        places = [
            self.before.place(paths.index(f"{part}{name}"))
            for key in "ab"
            for name in MATRICES[key]
            if f"{part}{name}" in paths
        ]

        def pair(values: Values) -> Any:
            # Keras saves no matrices: the kernel in its files is merged already
            if not all(place is not None and values.has(place) for place in places):
                return None
            return [values.read(place) for place in places if place is not None]

        return pair


def learned_of(file: LoraFile, layer: str, part: str) -> Learned | None:
    """What a file says of a part of a layer, by the layer's name in Keras."""
    return file.layers.get(array_name(layer, f"{part}lora_").rpartition(":")[0])


def parts_in(file: LoraFile, layer: str) -> dict[str, Learned]:
    """The parts of a layer for which a file has matrices."""
    found = {"": file.layers[layer]} if layer in file.layers else {}
    return found | {
        f"{name.removeprefix(f'{layer}/')}/": each for name, each in file.layers.items() if name.startswith(f"{layer}/")
    }


def others_of(file: LoraFile, layer: str) -> tuple[str, ...]:
    """The variables as a whole that a file has of a layer."""
    return tuple(each for each in file.others if each.startswith((f"{layer}:", f"{layer}/")))


def _others(file: LoraFile, layer: LayerSpec, formula: str) -> dict[int, Recipe]:
    """The variables as a whole that a file has of a layer.

    Raises:
        Unfit: one of another shape, or that the layer has not.
    """
    names = {array_name(layer.name_in_keras, each.path): at for at, each in enumerate(layer.variables or ())}
    made: dict[int, Recipe] = {}
    for name in others_of(file, layer.name_in_keras):
        if name not in names:
            raise Unfit(f"the file has `{name}`, the layer has no such variable", _anew(layer), path=_FROM)
        array = _fitting(file, name, (layer.variables or ())[names[name]], _anew(layer))
        made[names[name]] = Recipe((), formula, _made(array, _as_it_is))
    return made


def _fitting(file: LoraFile, name: str, variable: VariableSpec, help: str | None = None) -> Array:
    """The array of a file for a variable.

    Raises:
        Unfit: there is none, or it has another shape.
    """
    array = file.arrays.get(name)
    if array is None:
        raise Unfit(f"the file has no `{name}`", "leave the layer out", path=_FROM)
    if array.shape != variable.shape:
        message = f"`{name}` has the shape {array.shape}, the layer needs {variable.shape}"
        raise Unfit(message, help, path=_FROM)
    return array


def _anew(layer: LayerSpec) -> str:
    begins = "then it begins anew" if layer.is_new else "then they stay those of the base"
    return f"write `others: skip` beside `weights`, {begins}"


def _was(adapter: FromFile | Merged, layer: LayerSpec) -> LayerSpec:
    """A layer as Keras built it, with what gave it its values before."""
    return replace(layer, adapter=adapter.before.adapter)


def _prove(adapter: FromFile | Merged, learned: Learned, kernel: VariableSpec, recipe: Any, values: Values) -> None:
    """Proves that a kernel is the one beside which matrices were learned.

    Raises:
        SpecError: SC516.
    """
    import numpy as np  # a check that adapts nothing is to start without it

    has_values = recipe is not None and all(map(values.has, recipe.sources))
    array = np.asarray(recipe.make(values)).astype(np.dtype(kernel.dtype), copy=False) if has_values else None
    if array is None or kernel_checksum(array) != learned.kernel:
        file = adapter.file.name if adapter.file is not None else ""
        message = f"the adapters of `{adapter.before.name}` in `{file}` were learned beside another kernel"
        if array is None:
            message = f"{message}: the base comes without weights"
        help = "start from the base that they were trained on, or write `other_base: allow` beside `weights`"
        raise SpecError.single("SC516", message, path=(*adapter.origin.path, "weights"), help=help)


def _made(array: Array, proven: Callable[[Values], None]) -> Callable[[Values], Array]:
    def make(values: Values) -> Array:
        proven(values)
        return array

    return make


def _as_it_is(values: Values) -> None:
    """Nothing to be proven."""

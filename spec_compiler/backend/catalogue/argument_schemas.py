"""What Keras takes as the value of each constructor argument, as JSON Schema (draft-07) and as a kind.

Keras annotates no argument with a type, so this table says it, by class and argument. Its rule: never refuse what Keras
takes and can run, refuse what is surely wrong, and say nothing (`{}`, anything goes) where neither is sure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from spec_compiler.keras_facts.function_names import FUNCTION_PATTERN, OWN_PATTERN

Schema = dict[str, Any]
Value = TypeVar("Value")


def enum(*values: object) -> Schema:
    """One of these values."""
    return {"enum": list(values)}


def either(*schemas: Schema) -> Schema:
    """Anything that one of the schemas takes."""
    return {"anyOf": [branch for schema in schemas for branch in schema.get("anyOf", [schema])]}


def folded(*values: str) -> Schema:
    """One of these texts, in any case: Keras lowers them. Only the spelling in lower case is offered.

    >>> folded("same")["anyOf"][1]
    {'pattern': '^(?:[sS][aA][mM][eE])$', 'type': 'string'}
    """
    spelled = ("".join(f"[{char}{char.upper()}]" if char.isalpha() else char for char in value) for value in values)
    return either(enum(*values), {"pattern": f"^(?:{'|'.join(spelled)})$", "type": "string"})


def also(schema: Schema, *values: str) -> Schema:
    """A schema that takes some old names as well, without offering them."""
    return either(schema, {"pattern": f"^(?:{'|'.join(values)})$", "type": "string"})


def list_of(items: Schema, length: int | None = None) -> Schema:
    """A list, of a certain length if one is given."""
    exact = {} if length is None else {"minItems": length, "maxItems": length}
    return {"type": "array", "items": items, **exact}


def per_axis(items: Schema) -> Callable[[int], Schema]:
    """One value for all spatial axes, or a list with one for each."""
    return lambda rank: either(items, list_of(items, rank))


def both_sides(rank: int) -> Schema:
    """The cropping or padding of images and volumes: for all axes, for each axis, or for each end of each axis."""
    return either(NATURAL, list_of(either(NATURAL, list_of(NATURAL, 2)), rank))


def or_null(schema: Schema) -> Schema:
    """A schema that takes null as well."""
    return schema if NULL in schema.get("anyOf", ()) else either(schema, NULL)


ANYTHING: Schema = {}
NULL: Schema = {"type": "null"}
BOOLEAN: Schema = {"type": "boolean"}
INTEGER: Schema = {"type": "integer"}
NATURAL: Schema = {"type": "integer", "minimum": 0}
POSITIVE: Schema = {"type": "integer", "minimum": 1}
NUMBER: Schema = {"type": "number"}
NON_NEGATIVE: Schema = {"type": "number", "minimum": 0}
POSITIVE_NUMBER: Schema = {"type": "number", "exclusiveMinimum": 0}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
BELOW_ONE: Schema = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
TEXT: Schema = {"type": "string"}
MAPPING: Schema = {"type": "object"}
SERIALIZED: Schema = {"type": "object", "required": ["class_name"]}  # an object as Keras writes it into a model's JSON
ARRAY = either(NUMBER, list_of({"type": ["number", "array"]}))
RANGE = either(NUMBER, list_of(NUMBER, 2))
SHARES = either(SHARE, list_of(NUMBER, 2))  # Keras looks less closely at the bounds of a list
SIGNED_SHARES = either({"type": "number", "minimum": -1, "maximum": 1}, list_of(NUMBER, 2))
AXES = either(INTEGER, list_of(INTEGER))
# Objects that no YAML can write; a spec that is a Python dict may hold them.
PYTHON: Schema = {"not": {"type": ["null", "boolean", "number", "string", "array", "object"]}}

OUTPUT_MODES = enum("int", "one_hot", "multi_hot", "count")
TOKEN_MODES = also(enum("int", "one_hot", "multi_hot", "count", "tf_idf"), "binary", "tf-idf")
RESIZING = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area")

# A value of one of these kinds has to be turned into a Keras object; `definitions` has their schemas.
_KIND_OF: tuple[tuple[str, str], ...] = (
    ("initializer", "*_initializer"),
    ("regularizer", "*_regularizer"),
    ("constraint", "*_constraint"),
    ("activation", "*.activation *_activation"),
    ("dtype", "*.dtype *.reverse_dtype"),
    ("layer", "*.layer *.backward_layer Pipeline.layers RNN.cell StackedRNNCells.cells"),
    ("function", "Lambda.function Lambda.mask"),
    ("python", "JaxLayer.call_fn JaxLayer.init_fn *.module InputLayer.input_tensor"),
)

# The first row with a pattern for `Class.argument` holds, so exceptions stand above what they except.
_ROWS: tuple[tuple[Schema | Callable[[int], Schema], str], ...] = (
    # sizes in space
    (POSITIVE, "UpSampling1D.size"),
    (either(POSITIVE, list_of(POSITIVE, 2)), "RandomGaussianBlur.kernel_size"),
    (per_axis(POSITIVE), "*.kernel_size *.strides *.dilation_rate *.pool_size *.size *.output_size"),
    (per_axis(NATURAL), "*.output_padding"),
    (either(NATURAL, list_of(NATURAL, 2)), "ZeroPadding1D.padding Cropping1D.cropping"),
    (both_sides, "ZeroPadding?D.padding Cropping?D.cropping"),
    (folded("valid", "same", "causal"), "Conv1D.padding"),
    (enum("valid", "same"), "*Pooling?D.padding STFTSpectrogram.padding"),
    (folded("valid", "same"), "*.padding"),
    ({"$ref": "#/definitions/data_format"}, "*.data_format"),
    (POSITIVE, "*.height *.width"),
    (list_of(POSITIVE, 2), "*.tile_grid_size"),
    # counts
    (either(POSITIVE, enum(-1)), "GroupNormalization.groups"),
    (NATURAL, "Discretization.num_bins *.num_oov_indices *.vocabulary_size"),
    ({"type": "integer", "minimum": 2}, "*.max_tokens"),
    (POSITIVE, "*.filters *.units *.groups *.depth_multiplier *.input_dim *.output_dim *.n *.classes *.batch_size"),
    (POSITIVE, "*.num_heads *.key_dim *.value_dim *.head_dim *.num_query_heads *.num_key_value_heads *.sliding_window"),
    (POSITIVE, "*.num_bins *.num_tokens *.bins *.max_number *.num_chains *.chain_depth *.num_ops *.power_iterations"),
    (POSITIVE, "*.fft_length *.frame_length *.frame_step *.sequence_length *.sequence_stride *.num_mel_bins"),
    (POSITIVE, "*.lora_rank *.output_sequence_length *.gptq_unpacked_column_size"),
    (enum(0, 1, 2), "*.implementation"),
    # numbers
    (SHARE, "Dropout.rate SpatialDropout?D.rate GaussianNoise.stddev *.dropout *.recurrent_dropout"),
    (NON_NEGATIVE, "OrthogonalRegularizer.factor"),
    (SHARE, "RandomGrayscale.factor RandomPerspective.scale *.dropout_rate"),
    (BELOW_ONE, "*Dropout.rate"),
    (POSITIVE_NUMBER, "VarianceScaling.scale *.sampling_rate MobileNet*.alpha"),
    (RANGE, "MixUp.alpha"),
    (either({"type": "number", "minimum": 1, "maximum": 8}, list_of(NUMBER, 2)), "RandomPosterization.factor"),
    (
        SIGNED_SHARES,
        "RandomBrightness.factor RandomColorDegeneration.factor RandomRotation.factor RandomSaturation.factor",
    ),
    (SIGNED_SHARES, "*.height_factor *.width_factor *.brightness_factor *.saturation_factor"),
    (SHARES, "*.factor *.?_factor *.contrast_factor *.hue_factor *.addition_factor *.threshold_factor"),
    (SHARES, "RandomElasticTransform.scale RandomErasing.scale *.sigma"),
    (or_null(NON_NEGATIVE), "*.l1 *.l2"),
    (NON_NEGATIVE, "*ReLU.negative_slope ReLU.max_value ReLU.threshold"),
    (list_of(NUMBER, 2), "*.value_range"),
    (
        NUMBER,
        "ELU.alpha AugMix.alpha *.epsilon *.momentum *.renorm_momentum *.clip_limit *.logit_soft_cap *.lora_alpha",
    ),
    (NUMBER, "*.min_freq *.max_freq *.top_db *.mag_exp *.min_power *.ref_power *.gain *.minval *.maxval *.stddev"),
    (NUMBER, "Random*.mean TruncatedNormal.mean M*Norm.max_value MinMaxNorm.min_value MinMaxNorm.rate"),
    (ANYTHING, "RandomErasing.fill_value"),
    (NUMBER, "*.fill_value"),
    (either(ARRAY, MAPPING), "Rescaling.scale Rescaling.offset Masking.mask_value"),
    (either(INTEGER, MAPPING), "*Normal.seed *Uniform.seed VarianceScaling.seed Orthogonal.seed"),
    (INTEGER, "*.seed"),
    (either(INTEGER, list_of(INTEGER, 2)), "*.salt Dot.axes"),
    # axes and shapes
    (INTEGER, "BatchNormalization.axis GroupNormalization.axis Concatenate.axis"),
    (or_null(AXES), "Softmax.axis Normalization.axis *Norm.axis"),
    (AXES, "*.axis *.input_axes *.output_axes *.shared_axes *.attention_axes"),
    (list_of(POSITIVE), "Permute.dims"),
    (list_of(or_null(INTEGER)), "Reshape.target_shape"),
    (list_of(or_null(POSITIVE)), "*Dropout.noise_shape"),
    (list_of(or_null(NATURAL)), "InputLayer.shape InputLayer.batch_shape"),
    (list_of(or_null(POSITIVE), 3), "*.input_shape"),
    (either(INTEGER, list_of(or_null(INTEGER))), "EinsumDense.output_shape *Attention.output_shape"),
    (either(POSITIVE, list_of(POSITIVE)), "*.ngrams"),
    # words
    (enum("horizontal_and_vertical", "horizontal", "vertical"), "RandomFlip.mode"),
    (enum("log", "magnitude", "psd", "real", "imag", "angle", "stft"), "STFTSpectrogram.mode"),
    (or_null(enum("density", "spectrum")), "*.scaling"),
    (enum("real", "imag"), "STFT.side"),
    (enum("fan_in", "fan_out", "fan_avg"), "VarianceScaling.mode"),
    (also(folded("truncated_normal", "untruncated_normal", "uniform"), "normal"), "VarianceScaling.distribution"),
    (enum("rows", "columns"), "OrthogonalRegularizer.mode"),
    (enum("dot", "concat"), "*.score_mode"),
    (or_null(enum("concat", "sum", "mul", "ave")), "*.merge_mode"),
    (enum("auto", True, False), "*.use_cudnn"),
    (enum("floormod", "farmhash"), "*.oov_method"),
    (also(enum("multi_hot", "one_hot", "count"), "binary"), "CategoryEncoding.output_mode"),
    (enum("int", "one_hot"), "HashedCrossing.output_mode"),
    (OUTPUT_MODES, "Discretization.output_mode Hashing.output_mode"),
    (TOKEN_MODES, "*.output_mode"),
    (
        or_null(either(enum("lower_and_strip_punctuation", "lower", "strip_punctuation"), MAPPING)),
        "TextVectorization.standardize",
    ),
    (or_null(either(enum("whitespace", "character"), MAPPING)), "TextVectorization.split"),
    (enum("int64"), "IntegerLookup.vocabulary_dtype"),
    (enum("constant"), "Resizing.fill_mode"),
    (enum("reflect", "wrap", "constant", "nearest", "mirror"), "RandomElasticTransform.fill_mode"),
    (enum("reflect", "wrap", "constant", "nearest"), "*.fill_mode"),
    (enum(*RESIZING), "Resizing.interpolation"),
    (folded(*RESIZING), "UpSampling2D.interpolation"),
    (enum("nearest", "bilinear"), "*.interpolation"),
    (enum("avg", "max"), "*.pooling"),
    (BOOLEAN, "*.flash_attention InputLayer.sparse InputLayer.ragged *.trainable *.has_input_vocabulary"),
    (or_null({"type": "string", "pattern": "^[^/]*$"}), "*.name"),
    (TEXT, "*.equation *.bias_axes *.encoding *.bounding_box_format TFSMLayer.filepath TFSMLayer.call_*"),
    (MAPPING, "*.renorm_clipping Lambda.arguments"),
)


def kind_of(class_name: str, argument: str) -> str | None:
    """The kind of Keras object that an argument wants; None where plain data will do.

    >>> kind_of("Conv2D", "kernel_initializer")
    'initializer'
    """
    return first_row(_KIND_OF, f"{class_name}.{argument}", None)


def schema_of(class_name: str, argument: str, default: object) -> Schema:
    """The values that an argument takes; a default of None means that null is one of them.

    >>> schema_of("Conv2D", "filters", ...)
    {'type': 'integer', 'minimum': 1}
    """
    kind = kind_of(class_name, argument)
    if kind == "layer":
        entry: Schema = {"$ref": "#/definitions/layer"}
        if argument in ("layers", "cells"):
            return list_of(entry)
        schema = either(entry, list_of(entry)) if argument == "cell" else entry
    elif kind == "python":
        schema = PYTHON
    elif kind == "function":
        schema = {"$ref": "#/definitions/function"}
    elif kind is not None:
        return {"$ref": f"#/definitions/{kind}"}  # these take null whatever the default
    elif isinstance(default, bool):
        schema = BOOLEAN
    else:
        schema = _ranked(first_row(_ROWS, f"{class_name}.{argument}", ANYTHING), class_name)
    return or_null(schema) if default is None and schema != ANYTHING else schema


def definitions(names: dict[str, list[str]], dtypes: list[str], quantization_modes: list[str]) -> dict[str, Schema]:
    """The schemas behind `$ref`: `names` holds, by kind, the names that are known without any custom object."""
    custom = {"type": "string", "pattern": OWN_PATTERN}  # `module:Name`, or `package>Name`, registered with Keras
    quantized = {"type": "string", "pattern": f"^(?:{'|'.join(quantization_modes)})(?:/.*)?_from_"}
    entries: dict[str, Schema] = {kind: either(enum(*names[kind]), custom, MAPPING) for kind in names}
    entries["activation"] = either(enum(*names["activation"]), custom, SERIALIZED)
    entries["dtype"] = either(enum(*dtypes), quantized, SERIALIZED)
    nullable = {kind: each if kind == "layer" else or_null(each) for kind, each in entries.items()}
    function = {"type": "string", "pattern": f"^{FUNCTION_PATTERN}$"}  # what a caller in Python gives is not data
    return nullable | {"data_format": folded("channels_last", "channels_first"), "function": function}


def _ranked(row: Schema | Callable[[int], Schema], class_name: str) -> Schema:
    if not callable(row):
        return row
    rank = re.search(r"([123])D", class_name)
    return row(int(rank[1])) if rank else ANYTHING


def first_row(rows: Iterable[tuple[Value, str]], place: str, otherwise: Value) -> Value:
    """What the first row with a pattern for `Class.argument` says.

    >>> first_row([("size", "*.units *.filters"), ("anything", "*")], "Dense.units", "nothing")
    'size'
    """
    return next(
        (value for value, patterns in rows if any(fnmatchcase(place, each) for each in patterns.split())), otherwise
    )

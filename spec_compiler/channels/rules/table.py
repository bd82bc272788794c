"""Which rule is for which class: by its package too, as operations share names with layers, and anyone's classes do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from spec_compiler.channels.atoms import Axes
from spec_compiler.channels.call import Call
from spec_compiler.channels.rules import attention, convolutions, each_by_itself, joins, recurrent, shapes

Rule = Callable[[Call], list[Axes]]
Rules = Mapping[str, Rule]


def _rows(*rows: tuple[Rule, str]) -> dict[str, Rule]:
    return {name: rule for rule, names in rows for name in names.split()}


def _ranks(*names: str) -> str:
    return " ".join(f"{name}{rank}D" for name in names for rank in (1, 2, 3))


LAYERS: Rules = _rows(
    (convolutions.dense, "Dense"),
    (convolutions.convolution, _ranks("Conv")),
    (convolutions.transposed, "Conv1DTranspose Conv2DTranspose Conv3DTranspose"),
    (convolutions.depthwise, "DepthwiseConv1D DepthwiseConv2D"),
    (convolutions.separable, "SeparableConv1D SeparableConv2D"),
    (convolutions.embedding, "Embedding"),
    (convolutions.einsum_dense, "EinsumDense"),
    (each_by_itself.same, "ReLU LeakyReLU ELU Dropout GaussianNoise GaussianDropout AlphaDropout Identity"),
    (each_by_itself.same, f"ActivityRegularization {_ranks('SpatialDropout')}"),
    (each_by_itself.same, "RandomFlip RandomRotation RandomTranslation RandomZoom RandomContrast RandomBrightness"),
    (each_by_itself.spatial, "Resizing CenterCrop RandomCrop"),
    (each_by_itself.activation, "Activation"),
    (each_by_itself.softmax, "Softmax"),
    (each_by_itself.spatial, _ranks("MaxPooling", "AveragePooling", "ZeroPadding", "Cropping", "UpSampling")),
    (each_by_itself.global_pooling, _ranks("GlobalAveragePooling", "GlobalMaxPooling")),
    (each_by_itself.batch_normalization, "BatchNormalization"),
    (each_by_itself.layer_normalization, "LayerNormalization RMSNormalization"),
    (each_by_itself.unit_normalization, "UnitNormalization"),
    (each_by_itself.group_normalization, "GroupNormalization"),
    (each_by_itself.prelu, "PReLU"),
    (each_by_itself.normalization, "Normalization"),
    (each_by_itself.rescaling, "Rescaling"),
    (each_by_itself.masking, "Masking"),
    (joins.elementwise, "Add Subtract Multiply Average Maximum Minimum"),
    (joins.concatenate, "Concatenate"),
    (joins.dot, "Dot"),
    (shapes.flatten, "Flatten"),
    (shapes.reshape, "Reshape"),
    (shapes.permute, "Permute"),
    (shapes.repeat_vector, "RepeatVector"),
    (recurrent.recurrent, "LSTM GRU SimpleRNN"),
    (recurrent.convolutional, _ranks("ConvLSTM")),
    (attention.multi_head, "MultiHeadAttention"),
    (attention.grouped_query, "GroupQueryAttention"),
    (attention.attention, "Attention AdditiveAttention"),
)
OPERATIONS: Rules = _rows(
    (each_by_itself.same, "Relu Relu6 LeakyRelu Elu Selu Celu Gelu Silu Sigmoid HardSigmoid HardSilu Tanh HardTanh"),
    (each_by_itself.same, "Softplus Softsign LogSigmoid SoftShrink HardShrink TanhShrink Squareplus Threshold Mish"),
    (each_by_itself.same, "Absolute Sqrt Rsqrt Square Exp Expm1 Log Log1p Negative Sign Sin Cos Floor Ceil Round Cast"),
    (each_by_itself.same, "Reciprocal Erf Isnan Isfinite StopGradient"),
    (each_by_itself.softmax, "Softmax LogSoftmax"),
    (each_by_itself.unit_normalization, "Normalize"),
    (each_by_itself.spatial, "AveragePool MaxPool"),
    (joins.elementwise, "Add Subtract Multiply Divide TrueDivide Power Maximum Minimum Clip Where"),
    (joins.elementwise, "Greater GreaterEqual Less LessEqual Equal NotEqual LogicalAnd LogicalOr LogicalNot"),
    (joins.concatenate, "Concatenate"),
    (joins.stack, "Stack"),
    (joins.matmul, "Matmul"),
    (joins.reduced, "Mean Sum Max Min Amax Amin Prod Var Std Any All Logsumexp"),
    (shapes.reshape, "Reshape"),
    (shapes.transpose, "Transpose"),
    (shapes.swapaxes, "Swapaxes"),
    (shapes.moveaxis, "Moveaxis"),
    (shapes.expand_dims, "ExpandDims"),
    (shapes.squeeze, "Squeeze"),
    (shapes.split, "Split"),
    (shapes.get_item, "GetItem"),
    (shapes.pad, "Pad"),
    (shapes.flip, "Flip"),
    (shapes.along_others, "Repeat Tile Roll Take"),
)
OF_APPLICATIONS: Mapping[str, Rules] = {
    "keras.src.applications.convnext": {"LayerScale": each_by_itself.layer_scale},
    "keras.src.applications.inception_resnet_v2": {"CustomScaleLayer": joins.elementwise},
}

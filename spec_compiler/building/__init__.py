"""From a spec to a model file, by the cheapest of three ways that make the same model.

without Keras   `without_keras`       what the memory knows: weights go from file to file, in pieces
with Keras      `with_keras`          the same; Keras builds the model, without a weight, and draws first values
in memory       `compile_spec`        what only Keras can save: vocabularies, LoRA, what is compiled
"""

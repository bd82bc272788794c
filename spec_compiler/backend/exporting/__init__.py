"""Models for other runtimes: `exporters` writes artefacts by Keras's own exporters, `runtimes/` runs each in its own,
`comparing` holds it beside the model, `departing` finds the layer at which it goes another way; `artefact` is the way.
"""

"""What a model becomes for other runtimes, without Keras: formats, how close they must come, what is said beside them.

`formats` is the list of formats, `comparison` what came of running an artefact beside the model, `card` the file that
says what an artefact takes and puts out.
"""

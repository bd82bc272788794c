"""Which channels of a model leave or come together, and what that does to every variable and every tensor.

`groups.Channels.of(graph)` is the way in. NumPy is imported in this room only, and Keras nowhere: `walk` goes through a
graph, `rules` say what each layer does with the channels it is given, `groups` is what comes out.
"""

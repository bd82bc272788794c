"""Models and graphs: a model read as a graph, a graph made a model, and where the models of bases come from."""

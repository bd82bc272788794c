"""The way of an export: from a spec or a model to a file for another runtime, run there and compared.

`export` has the public functions, `places` sees that what is written is whole or not there.
"""

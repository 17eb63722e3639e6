"""The cases of layers: a file per family, each with `cases()`.

A case is the name of a class of `nn` (or a named function that takes `nn` and makes a layer of
layers), its arguments, its options, and the inputs of a call.
"""

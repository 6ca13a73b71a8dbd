"""The machine-code backend: a kernel written in LLVM's language.

The modules in the order in which they are best read:

    expansions    which operations there are, and the others by those
    vector_math   exp, sin and the others on vectors
    text          functions of LLVM's language, written line by line
    operations    an operation as a line or two of that
    products      loops that all kernels share: matrix products, sums
    loops         the array program as loops over arrays
    tiles         products over many rows
    rows          the same for many rows at a time
    layout        a list of instructions in which there are no arrays, cut into pieces
    chunks        such a piece as straight-line code
    module        these as the text of a whole module
    backend       that text compiled, and called
    descent       an epoch of training: batches, and the optimizer's update
"""

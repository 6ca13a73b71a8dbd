"""The machine-code backend: a list of instructions written in LLVM's language.

The modules in the order in which they are best read:

    layout        the plan: what is a loop, what goes where
    vector_math   exp, sin and the others on vectors
    text          functions of LLVM's language, written line by line
    chunks        the instructions between two loops
    module        the plan as the text of a whole module
    backend       that text compiled, and called
    descent       an epoch of training: batches, and the optimizer's update
"""

"""The pages that the project writes, in the order in which to read about them.

`bundle` puts scripts and styles into one page, under a policy that allows no others.
`replay` makes a graph the program by which a page computes all of its numbers anew.
"""

"""The playground: the Python behind its page, and the page itself.

The modules in the order in which they are best read:

    expression    the desk: an expression's text, its numbers, its derivatives
    walk          the backward pass over it, step by step
    training      the lab: a network, its set-up, its epochs, its pictures
    chart         small plots as SVG, quickly
    view, pieces  what the tabs show, and the HTML that it is put together from
    link, export  the state as an address, and what is on the screen as files
    app, server   the page's cells, and serving them to this machine
"""

"""The playground: the Python behind its page, and the page itself.

The modules in the order in which they are best read:

    expression        an expression recorded with numbers, and its curve along a name
    desk              the panel of an expression, as data
    mathml            formulas as a browser sets them
    chart             small plots as SVG, quickly
    points            data in the plane: made, drawn, pasted
    lab               the panel of a training: a network as programs that the page runs
    files, lab_files  what is on the screen as files
    calls             all that the page can ask
    server            answering it on this machine
    export            the page with all of this inside, for a browser alone

`page/` holds the page: `main.js` is its frame, `expression.js` and `training.js` its
panels, and `engine.js` the one place that asks.
"""

/* Walks over a graph in C, in the compiled engine alone: the order of its nodes, the
   chain rule over it, and replaying. They are those of autograd/value.py, where the plain
   engine's are, and callers hold LOCK here as there: the marks are on the nodes.

   Nodes are not counted as references on the way: the outputs hold all of them. Arguments
   are those that autograd/native.pyi says; nobody else calls these. */

typedef autograd___value___SinceObject Since;

static PyObject *python_chosen, *python_replay; /* `chosen` and `_replay` of value.py */

#ifdef __GNUC__
#define PREFETCH(address) __builtin_prefetch(address, 1)
#else
#define PREFETCH(address) ((void)0)
#endif
#define AHEAD 8 /* nodes; each is in another line of the cache, far from the last */

static Node *node_at(PyObject *nodes, Py_ssize_t index) {
    PyObject *node = PyList_GET_ITEM(nodes, index);
    if (index + AHEAD < PyList_GET_SIZE(nodes))
        PREFETCH(&((Node *)PyList_GET_ITEM(nodes, index + AHEAD))->__adjoint);
    if (PyObject_TypeCheck(node, adopted)) return (Node *)node; /* or a Traced one */
    return PyErr_Format(PyExc_TypeError, "%R is no Value", node), NULL;
}

static inline Terms *terms_of(const Node *node) {
    int has = node->__left == Py_None && Py_IS_TYPE(node->__right, terms_class);
    return has ? (Terms *)node->__right : NULL;
}

static inline int is_leaf(const Node *node) {
    return node->__left == Py_None && node->__right == Py_None;
}

/* A parent by its place; NULL after the last. */
static inline Node *parent_at(const Node *node, Py_ssize_t place) {
    if (node->__left != Py_None) {
        if (!place) return (Node *)node->__left;
        return place == 1 && node->__right != Py_None ? (Node *)node->__right : NULL;
    }
    Terms *terms = terms_of(node);
    if (!terms || place >= PyTuple_GET_SIZE(terms->_parents)) return NULL;
    return (Node *)PyTuple_GET_ITEM(terms->_parents, place);
}

/* ---- the order ------------------------------------------------------------------------- */

typedef struct {
    Node **nodes; /* parents before children */
    Py_ssize_t count, room;
    int64_t base;       /* the mark of the first; the others' follow */
    const Since *since; /* the moment before which the walk does not go */
    int met;            /* whether it came to a node that is older */
} Order;

typedef struct {
    Node *node;
    Py_ssize_t next; /* which of its parents comes next */
} Frame;

/* Room for one item more. */
static inline int grown(void *items, Py_ssize_t *room, Py_ssize_t count, size_t size) {
    if (likely(count < *room)) return 1;
    Py_ssize_t wanted = *room ? 2 * *room : 256;
    void *moved = PyMem_Realloc(*(void **)items, wanted * size);
    if (!moved) return PyErr_NoMemory(), 0;
    *(void **)items = moved;
    *room = wanted;
    return 1;
}

static inline int placed(Order *order, Node *node) {
    if (!grown(&order->nodes, &order->room, order->count, sizeof(Node *))) return 0;
    node->__mark = order->base + order->count;
    order->nodes[order->count++] = node;
    return 1;
}

static inline int is_new(Order *order, const Node *node) {
    if (node->__mark >= order->base) return 0;
    if (likely(node->__mark > order->since->_tick)) return 1;
    order->met = 1;
    return 0;
}

/* Place an output after all that led to it: depth first, the first parent first. */
static int descend(Order *order, Node *node) {
    Frame *stack = NULL;
    Py_ssize_t depth = 0, room = 0;
    int fine = 1;
    while (fine && node) {
        if (!is_new(order, node)) {
        } else if (is_leaf(node)) {
            order->met |= node->__right_partial < order->since->_calls;
            fine = placed(order, node);
        } else if ((fine = grown(&stack, &room, depth, sizeof(Frame)))) {
            PREFETCH(node->__left);
            PREFETCH(node->__right);
            stack[depth++] = (Frame){node, 0};
        }
        node = NULL;
        while (fine && depth && !node) {
            Frame *top = &stack[depth - 1];
            node = parent_at(top->node, top->next++);
            if (!node) fine = placed(order, stack[--depth].node);
        }
    }
    PyMem_Free(stack);
    return fine;
}

/* The order of the latest walk, for one more from the same output: where a graph is
   replayed and differentiated in turns, finding it would take half the time. It holds
   while nothing else has walked, which the clock tells, and the output's mark, which a
   node made later in its place has not. */
static Order latest;
#define KEPT (1 << 17) /* nodes: a megabyte */

static int is_latest(PyObject *outputs, const Since *since) {
    if (!latest.nodes || latest.base + latest.count != clock_of_walks->_tick) return 0;
    if (PyList_GET_SIZE(outputs) != 1 || since->_tick) return 0;
    PyObject *output = PyList_GET_ITEM(outputs, 0);
    return (PyObject *)latest.nodes[latest.count - 1] == output &&
           PyObject_TypeCheck(output, adopted) &&
           ((Node *)output)->__mark == latest.base + latest.count - 1;
}

/* After a walk: its order is kept, or freed. */
static void leave(Order *order, PyObject *outputs) {
    int whole = PyList_GET_SIZE(outputs) == 1 && !order->since->_tick;
    Node **unused = order->nodes;
    if (whole && order->count && order->count <= KEPT) {
        unused = latest.nodes;
        latest = *order;
    }
    PyMem_Free(unused);
}

/* Of a list of outputs; to be left also where this fails. */
static int in_order(Order *order, PyObject *outputs, PyObject *since) {
    int fine = 1, known = is_latest(outputs, (Since *)since);
    *order = latest;
    latest.nodes = NULL;
    if (known) return 1;
    PyMem_Free(order->nodes);
    *order = (Order){NULL, 0, 0, clock_of_walks->_tick + 1, (Since *)since, 0};
    for (Py_ssize_t i = 0; fine && i < PyList_GET_SIZE(outputs); i++) {
        Node *output = node_at(outputs, i);
        fine = output && descend(order, output);
    }
    clock_of_walks->_tick = order->base + order->count;
    return fine;
}

/* ordered(outputs, since): the list of nodes, and whether the walk met older ones. */
static PyObject *ordered(PyObject *Py_UNUSED(module), PyObject *const *args,
                         Py_ssize_t Py_UNUSED(count)) {
    PyObject *list = NULL;
    Order order;
    if (in_order(&order, args[0], args[1])) list = PyList_New(order.count);
    for (Py_ssize_t i = 0; list && i < order.count; i++)
        PyList_SET_ITEM(list, i, Py_NewRef((PyObject *)order.nodes[i]));
    leave(&order, args[0]);
    return list ? Py_BuildValue("NO", list, order.met ? Py_True : Py_False) : NULL;
}

/* ---- the chain rule ---------------------------------------------------------------------- */

/* A share that is nan: what Python says of it, 0 for a parent that was not chosen. */
static int decided(Order *order, Node *node, Py_ssize_t place, double *share) {
    if (((Operation *)node->__operation)->_selects == Py_False) return 1;
    PyObject *found = PyObject_CallFunction(python_chosen, "Ond", node, place, *share);
    if (!found) return 0;
    *share = PyFloat_AsDouble(found);
    Py_DECREF(found);
    if (clock_of_walks->_tick != order->base + order->count) /* a walk came in between */
        for (Py_ssize_t i = 0; i < order->count; i++)
            order->nodes[i]->__mark = order->base + i;
    return !PyErr_Occurred();
}

static inline int hand(Order *order, double *adjoints, Node *node, Py_ssize_t place,
                       PyObject *parent, double share) {
    if (unlikely(share != share) && !decided(order, node, place, &share)) return 0;
    adjoints[((Node *)parent)->__mark - order->base] += share;
    return 1;
}

/* From the outputs to the leaves, a node after all its children: each hands every
   parent its adjoint times the local derivative. Of an order that met nothing older, so
   that all parents are in it. NULL with an error where it fails. */
static double *swept(Order *order, PyObject *outputs, PyObject *seeds) {
    double *adjoints = PyMem_Calloc(order->count + 1, sizeof(double));
    int fine = adjoints ? 1 : (PyErr_NoMemory(), 0);
    for (Py_ssize_t i = 0; fine && i < PyList_GET_SIZE(outputs); i++) {
        Node *output = (Node *)PyList_GET_ITEM(outputs, i);
        PyObject *seed = PyList_GetItem(seeds, i);
        if (seed) adjoints[output->__mark - order->base] += PyFloat_AsDouble(seed);
        fine = !PyErr_Occurred();
    }
    for (Py_ssize_t i = order->count; fine && i-- > 0;) {
        Node *node = order->nodes[i];
        PyObject *left = node->__left, *right = node->__right;
        double adjoint = adjoints[i];
        if (i >= AHEAD) PREFETCH(order->nodes[i - AHEAD]);
        if (left != Py_None) {
            fine = hand(order, adjoints, node, 0, left, adjoint * node->__left_partial);
            if (fine && right != Py_None)
                fine = hand(order, adjoints, node, 1, right,
                            adjoint * node->__right_partial);
        } else if (right != Py_None) {
            PyObject *parents = ((Terms *)right)->_parents;
            const double *partials =
                (double *)PyBytes_AS_STRING(((Terms *)right)->_partials);
            for (Py_ssize_t k = 0; fine && k < PyTuple_GET_SIZE(parents); k++)
                fine = hand(order, adjoints, node, k, PyTuple_GET_ITEM(parents, k),
                            adjoint * partials[k]);
        }
    }
    if (fine) return adjoints;
    PyMem_Free(adjoints);
    return NULL;
}

/* backward(outputs, seeds, since): leaves add up, other nodes keep the latest. */
static PyObject *backward(PyObject *Py_UNUSED(module), PyObject *const *args,
                          Py_ssize_t Py_UNUSED(count)) {
    double *adjoints = NULL;
    Order order;
    if (in_order(&order, args[0], args[2])) adjoints = swept(&order, args[0], args[1]);
    for (Py_ssize_t i = 0; adjoints && i < order.count; i++) {
        Node *node = order.nodes[i];
        if (i + AHEAD < order.count) PREFETCH(order.nodes[i + AHEAD]);
        node->__adjoint = adjoints[i];
        if (is_leaf(node)) node->__left_partial += adjoints[i];
    }
    leave(&order, args[0]);
    PyMem_Free(adjoints);
    return adjoints ? Py_NewRef(Py_None) : NULL;
}

/* slopes(outputs, seeds, inputs, since): the derivatives by the inputs, in floats; None
   where the walk met an older node. */
static PyObject *slopes(PyObject *Py_UNUSED(module), PyObject *const *args,
                        Py_ssize_t Py_UNUSED(count)) {
    PyObject *inputs = args[2], *found = PyList_New(PyList_GET_SIZE(inputs));
    double *adjoints = NULL;
    Order order;
    if (!found) return NULL;
    int fine = in_order(&order, args[0], args[3]);
    if (fine && order.met) Py_SETREF(found, Py_NewRef(Py_None));
    else fine = fine && (adjoints = swept(&order, args[0], args[1]));
    for (Py_ssize_t i = 0; adjoints && fine && i < PyList_GET_SIZE(inputs); i++) {
        Node *input = node_at(inputs, i);
        int64_t at = input ? input->__mark - order.base : -1; /* below 0: not met */
        PyObject *slope = input ? PyFloat_FromDouble(at < 0 ? 0.0 : adjoints[at]) : NULL;
        if (slope) PyList_SET_ITEM(found, i, slope);
        else fine = 0;
    }
    leave(&order, args[0]);
    PyMem_Free(adjoints);
    if (!fine) Py_CLEAR(found);
    return found;
}

/* ---- replaying ------------------------------------------------------------------------- */

/* What replaying changes of a node. */
typedef struct {
    double data, left, right;
    PyObject *partials; /* of Terms; a reference */
} State;

/* Compute a node anew from its parents' numbers; 0 where Python has to. */
static int replayed(Node *node) {
    int64_t place = ((Operation *)node->__operation)->_kernel;
    double x[MOST], d[MOST], out;
    if (place == LEAF) return 1;
    if (place <= 0 || place > KERNELS || node->__left == Py_None) return 0;
    x[0] = ((Node *)node->__left)->__data;
    if (node->__right != Py_None) x[1] = ((Node *)node->__right)->__data;
    asked = 0;
    out = kernels[place - 1].compute(x, d);
    if (asked || !isfinite(out)) return 0;
    node->__data = out;
    node->__left_partial = d[0];
    if (node->__right != Py_None) node->__right_partial = d[1];
    return 1;
}

/* The same for a node with a tuple of parents. */
static int replayed_terms(Node *node) {
    int64_t place = ((Operation *)node->__operation)->_kernel;
    Terms *terms = terms_of(node);
    if (place <= 0 || !terms) return 0;
    Py_ssize_t count = PyTuple_GET_SIZE(terms->_parents);
    PyObject *partials = PyBytes_FromStringAndSize(NULL, count * sizeof(double));
    double *x = PyMem_Malloc((count + 1) * sizeof(double));
    double out = NAN;
    if (!partials || !x) goto done; /* Python will say that there is no memory */
    double *d = (double *)PyBytes_AS_STRING(partials);
    for (Py_ssize_t i = 0; i < count; i++)
        x[i] = ((Node *)PyTuple_GET_ITEM(terms->_parents, i))->__data;
    asked = 0;
    if (place > KERNELS) out = reductions[place - KERNELS - 1].compute(x, count, d);
    else out = kernels[place - 1].compute(x, d);
done:
    PyMem_Free(x);
    if (asked || !isfinite(out)) {
        PyErr_Clear();
        Py_XDECREF(partials);
        return 0;
    }
    node->__data = out;
    set_parent(&terms->_partials, partials);
    return 1;
}

static State state_of(const Node *node) {
    Terms *terms = terms_of(node);
    return (State){node->__data, node->__left_partial, node->__right_partial,
                   terms ? Py_NewRef(terms->_partials) : NULL};
}

static void put_state(Node *node, const State *state) {
    node->__data = state->data;
    node->__left_partial = state->left;
    node->__right_partial = state->right;
    if (state->partials)
        set_parent(&terms_of(node)->_partials, Py_NewRef(state->partials));
}

/* replay(outputs, since): compute every node anew, parents first. What C can't, it hands
   to Python; where that raises, all is put back. True where a condition was kept that
   Python had decided. */
static PyObject *replay(PyObject *Py_UNUSED(module), PyObject *const *args,
                        Py_ssize_t Py_UNUSED(count)) {
    State *before = NULL;
    Py_ssize_t done = 0;
    Order order;
    int fine = in_order(&order, args[0], args[1]), kept = 0;
    if (fine && !(before = PyMem_Malloc((order.count + 1) * sizeof(State))))
        fine = (PyErr_NoMemory(), 0);
    for (; fine && done < order.count; done++) {
        Node *node = order.nodes[done];
        if (done + AHEAD < order.count) PREFETCH(order.nodes[done + AHEAD]);
        before[done] = state_of(node);
        kept |= node->__operation == answer_row;
        if (!watched() && (replayed(node) || replayed_terms(node))) continue;
        PyObject *said = PyObject_CallOneArg(python_replay, (PyObject *)node);
        Py_XDECREF(said);
        fine = said != NULL;
    }
    for (Py_ssize_t i = 0; i < done; i++) {
        if (!fine) put_state(order.nodes[i], &before[i]);
        Py_XDECREF(before[i].partials);
    }
    PyMem_Free(before);
    leave(&order, args[0]);
    return fine ? PyBool_FromLong(kept) : NULL;
}

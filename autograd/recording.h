/* Recording in C, in the compiled engine alone: what an operation of the table gives for
   finite numbers, and the node of it. build/rows.h has each row as a C function, which
   the row has written itself (autograd/native_rows.py).

   Whatever is not plain sailing is left to Python, whose row says what is to be done:
   other types of operands, a result that is not finite, a mode that watches. A function
   here then returns NULL without an error. */

#include <math.h>

typedef autograd___operation___OperationObject Operation;
typedef autograd___value___TermsObject Terms;

typedef struct {
    const char *name;
    int arity;
    double (*compute)(const double *x, double *partials); /* returns the result */
} Kernel;

/* Where a row raises an error: whoever called the kernel lets Python ask the row. */
static int asked;

static inline double ask(void) {
    asked = 1;
    return NAN;
}

#include "rows.h"

#define KERNELS ((int)(sizeof(kernels) / sizeof(kernels[0])))
#define MOST 3   /* the arguments of a kernel */
#define LEAF -1  /* Operation.kernel of a node without parents */

/* ---- any number of arguments: rows that C says in its own words ----------------------- */

static double compute_sum(const double *x, Py_ssize_t count, double *d) {
    double total = 0.0;
    for (Py_ssize_t i = 0; i < count; i++) total += x[i], d[i] = 1.0;
    return total;
}

static double compute_mean(const double *x, Py_ssize_t count, double *d) {
    double total = compute_sum(x, count, d);
    for (Py_ssize_t i = 0; i < count; i++) d[i] = 1.0 / (double)count;
    return total / (double)count;
}

static double compute_prod(const double *x, Py_ssize_t count, double *d) {
    double before = 1.0, after = 1.0;
    for (Py_ssize_t i = 0; i < count; i++) d[i] = before, before *= x[i];
    for (Py_ssize_t i = count; i-- > 0; after *= x[i]) d[i] *= after;
    return before;
}

static double compute_dot(const double *x, Py_ssize_t count, double *d) {
    Py_ssize_t half = count / 2;
    double total = 0.0;
    for (Py_ssize_t i = 0; i < half; i++) {
        total += x[i] * x[half + i];
        d[i] = x[half + i];
        d[half + i] = x[i];
    }
    return total;
}

static double compute_logsumexp(const double *x, Py_ssize_t count, double *d) {
    double largest = x[0], total = 0.0, powers = 0.0;
    for (Py_ssize_t i = 1; i < count; i++)
        if (x[i] > largest) largest = x[i];
    for (Py_ssize_t i = 0; i < count; i++) total += exp(x[i] - largest);
    double out = largest + log(total);
    for (Py_ssize_t i = 0; i < count; i++) powers += d[i] = exp(x[i] - out);
    for (Py_ssize_t i = 0; i < count; i++) d[i] /= powers;
    return out;
}

static const struct {
    const char *name;
    double (*compute)(const double *x, Py_ssize_t count, double *partials);
} reductions[] = {
    {"sum", compute_sum},
    {"mean", compute_mean},
    {"prod", compute_prod},
    {"dot", compute_dot},
    {"logsumexp", compute_logsumexp},
};

#define REDUCTIONS ((int)(sizeof(reductions) / sizeof(reductions[0])))

/* ---- what recording needs of autograd.value ------------------------------------------- */

static PyTypeObject *adopted;     /* the class of nodes */
static Node *model;               /* a leaf, for what all nodes have alike */
static PyTypeObject *terms_class; /* of what nodes with more than two parents have */
static Terms *model_terms;
static PyObject *constant_row;    /* the operation of a bare number */
static autograd___modes___ModeObject *mode;
static autograd___value___ClockObject *clock_of_walks;
static vectorcallfunc usual_call; /* of an operation; mypyc's own */

static int watched(void) { return mode->_observer != Py_None; }

/* A node without parents yet; the reference to its operation is a new one. */
static Node *new_node(PyObject *operation, double data) {
    Node *node = (Node *)node_alloc(adopted, 0);
    if (!node) return NULL;
    node->vtable = model->vtable;
    node->__left = Py_NewRef(Py_None);
    node->__right = Py_NewRef(Py_None);
    node->__data = data;
    node->__label = Py_NewRef(model->__label);
    node->__operation = Py_NewRef(operation);
    node->__right_partial = clock_of_walks->_calls;
    node->__mark = clock_of_walks->_tick;
    return node;
}

static void set_parent(PyObject **place, PyObject *parent) {
    PyObject *before = *place;
    *place = parent;
    Py_XDECREF(before);
}

/* The number of an operand: 1 where it is a node, 0 where not, -1 where Python has to
   look at it. */
static int operand(PyObject *x, double *number) {
    if (Py_IS_TYPE(x, adopted)) return *number = ((Node *)x)->__data, 1;
    if (PyFloat_CheckExact(x)) return *number = PyFloat_AS_DOUBLE(x), 0;
    if (!PyLong_CheckExact(x)) return -1;
    *number = PyLong_AsDouble(x);
    if (*number != -1.0 || !PyErr_Occurred()) return 0;
    PyErr_Clear(); /* Python says that it is too large */
    return -1;
}

/* An operand as a node: a new reference, a new node for a bare number. */
static PyObject *as_node(PyObject *x, double number) {
    if (Py_IS_TYPE(x, adopted)) return Py_NewRef(x);
    return (PyObject *)new_node(constant_row, number);
}

/* Give a new node parents beyond two; takes over all three references. */
static PyObject *with_terms(Node *node, PyObject *parents, PyObject *partials) {
    Terms *terms = NULL;
    if (node && parents && partials)
        terms = (Terms *)terms_class->tp_alloc(terms_class, 0);
    if (!terms) {
        Py_XDECREF((PyObject *)node);
        Py_XDECREF(parents);
        Py_XDECREF(partials);
        return NULL;
    }
    terms->vtable = model_terms->vtable;
    terms->_parents = parents;
    terms->_partials = partials;
    set_parent(&node->__right, (PyObject *)terms);
    return (PyObject *)node;
}

static PyObject *tuple_of_nodes(PyObject *const *args, const double *x, Py_ssize_t n) {
    PyObject *parents = PyTuple_New(n);
    for (Py_ssize_t i = 0; parents && i < n; i++) {
        PyObject *parent = as_node(args[i], x[i]);
        if (!parent) Py_CLEAR(parents);
        else PyTuple_SET_ITEM(parents, i, parent);
    }
    return parents;
}

static PyObject *doubles(const double *numbers, Py_ssize_t count) {
    return PyBytes_FromStringAndSize((const char *)numbers, count * sizeof(double));
}

/* ---- recording ------------------------------------------------------------------------- */

/* A row of one to three arguments: its node, or for numbers alone a float. */
static PyObject *recorded(PyObject *row, PyObject *const *args, Py_ssize_t count) {
    int64_t place = ((Operation *)row)->_kernel;
    double x[MOST], d[MOST], out;
    int nodes = 0;
    if (place <= 0 || place > KERNELS || count != kernels[place - 1].arity || watched())
        return NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        int kind = operand(args[i], &x[i]);
        if (kind < 0) return NULL;
        nodes += kind;
    }
    asked = 0;
    out = kernels[place - 1].compute(x, d);
    if (asked || !isfinite(out)) return NULL;
    if (!nodes) return PyFloat_FromDouble(out);
    Node *node = new_node(row, out);
    if (!node || count > 2)
        return with_terms(node, tuple_of_nodes(args, x, count), doubles(d, count));
    PyObject *left = as_node(args[0], x[0]);
    PyObject *right = count == 2 ? as_node(args[1], x[1]) : Py_NewRef(Py_None);
    if (!left || !right) {
        Py_XDECREF(left);
        Py_XDECREF(right);
        Py_DECREF((PyObject *)node);
        return NULL;
    }
    set_parent(&node->__left, left);
    set_parent(&node->__right, right);
    node->__left_partial = d[0];
    if (count == 2) node->__right_partial = d[1];
    return (PyObject *)node;
}

/* A row of any number of arguments, given as a list. */
static PyObject *recorded_list(PyObject *row, PyObject *list) {
    int64_t place = ((Operation *)row)->_kernel - KERNELS;
    Py_ssize_t count = PyList_GET_SIZE(list);
    PyObject *const *args = ((PyListObject *)list)->ob_item;
    int nodes = 0;
    if (place <= 0 || !count || watched()) return NULL;
    double *x = PyMem_Malloc(count * sizeof(double));
    PyObject *partials = PyBytes_FromStringAndSize(NULL, count * sizeof(double));
    PyObject *made = NULL;
    if (!x || !partials) goto done;
    for (Py_ssize_t i = 0; i < count; i++) {
        int kind = operand(args[i], &x[i]);
        if (kind < 0) goto done;
        nodes |= kind;
    }
    if (!nodes) goto done;
    double *d = (double *)PyBytes_AS_STRING(partials);
    double out = reductions[place - 1].compute(x, count, d);
    if (!isfinite(out)) goto done;
    made = with_terms(new_node(row, out), tuple_of_nodes(args, x, count), partials);
    partials = NULL;
done:
    PyMem_Free(x);
    Py_XDECREF(partials);
    return made;
}

/* What recorded() makes, or None where Python is to do it. */
static PyObject *or_none(PyObject *made) {
    return made || PyErr_Occurred() ? made : Py_NewRef(Py_None);
}

static PyObject *record_row(PyObject *Py_UNUSED(module), PyObject *const *args,
                            Py_ssize_t count) {
    return or_none(recorded(args[0], args + 1, count - 1));
}

static PyObject *record_list(PyObject *Py_UNUSED(module), PyObject *const *args,
                             Py_ssize_t Py_UNUSED(count)) {
    return or_none(recorded_list(args[0], args[1]));
}

/* A row that is called as the function it is: sin(x). */
static PyObject *call_row(PyObject *row, PyObject *const *args, size_t flags,
                          PyObject *names) {
    if (!names || !PyTuple_GET_SIZE(names)) {
        PyObject *made = recorded(row, args, PyVectorcall_NARGS(flags));
        if (made || PyErr_Occurred()) return made;
    }
    return usual_call(row, args, flags, names);
}

/* ---- operators ------------------------------------------------------------------------- */

/* Whether mypyc's operators take an operand: a node, or a number of Python's. */
static int usual_operand(PyObject *x) {
    return Py_IS_TYPE(x, adopted) || PyFloat_Check(x) || PyLong_Check(x) ||
           PyObject_TypeCheck(x, adopted); /* a Traced one */
}

static int usual_operands(PyObject *x, PyObject *y) {
    return usual_operand(x) && usual_operand(y);
}

/* What autograd.value.with_number makes of operands of other kinds. */
static PyObject *with_number(PyObject *row, PyObject *x, PyObject *y) {
    PyObject *module = PyImport_ImportModule("autograd.value");
    PyObject *made = NULL;
    if (module) made = PyObject_CallMethod(module, "with_number", "OOO", row, x, y);
    Py_XDECREF(module);
    return made;
}

#define OPERATORS(DO) \
    DO(add, "add") DO(subtract, "sub") DO(multiply, "mul") DO(true_divide, "div") \
    DO(remainder, "mod") DO(floor_divide, "floordiv")

#define OPERATOR(slot, name) \
    static binaryfunc usual_##slot; \
    static PyObject *row_of_##slot; \
    static PyObject *node_##slot(PyObject *x, PyObject *y) { \
        if (usual_operands(x, y)) return usual_##slot(x, y); \
        PyObject *made = with_number(row_of_##slot, x, y); \
        if (made != Py_NotImplemented) return made; \
        Py_DECREF(made); \
        return usual_##slot(x, y); \
    }
OPERATORS(OPERATOR)

/* Powers, the one operator that Python's own functions are slow at. */
static ternaryfunc usual_power;
static PyObject *power_row;

static PyObject *node_power(PyObject *x, PyObject *y, PyObject *modulus) {
    PyObject *args[] = {x, y}, *made = NULL;
    if (modulus != Py_None) return usual_power(x, y, modulus);
    if (usual_operands(x, y)) made = recorded(power_row, args, 2);
    else made = with_number(power_row, x, y);
    if (made == Py_NotImplemented) Py_CLEAR(made);
    return made || PyErr_Occurred() ? made : usual_power(x, y, modulus);
}

/* ---- replaying ------------------------------------------------------------------------- */

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
    Terms *terms = (void *)node->__right;
    if (place <= 0 || !Py_IS_TYPE(node->__right, terms_class)) return 0;
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

/* Replay a list of nodes, parents first, from a place on; up to which place. */
static PyObject *replay(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *nodes;
    Py_ssize_t place;
    if (!PyArg_ParseTuple(args, "O!n", &PyList_Type, &nodes, &place)) return NULL;
    for (; place < PyList_GET_SIZE(nodes); place++) {
        Node *node = node_at(nodes, place, PyList_GET_SIZE(nodes));
        if (!node) return NULL;
        if (!replayed(node) && !replayed_terms(node)) break;
    }
    return PyLong_FromSsize_t(place);
}

/* What replaying changes: a copy, which `put_states` puts back. */
typedef struct {
    double data, left, right;
    PyObject *partials; /* of Terms; a reference */
} State;

static PyObject **partials_of(Node *node) {
    Terms *terms = (void *)node->__right;
    int has = Py_IS_TYPE(node->__right, terms_class);
    return has ? &terms->_partials : NULL;
}

static void free_states(PyObject *capsule) {
    State *states = PyCapsule_GetPointer(capsule, NULL);
    Py_ssize_t count = (Py_ssize_t)PyCapsule_GetContext(capsule);
    for (Py_ssize_t i = 0; i < count; i++) Py_XDECREF(states[i].partials);
    PyMem_Free(states);
}

static PyObject *take_states(PyObject *Py_UNUSED(module), PyObject *nodes) {
    if (!PyList_Check(nodes)) return PyErr_Format(PyExc_TypeError, "not a list"), NULL;
    Py_ssize_t count = PyList_GET_SIZE(nodes);
    State *states = PyMem_Calloc(count + 1, sizeof(State));
    PyObject *taken = states ? PyCapsule_New(states, NULL, free_states) : NULL;
    if (!taken) return PyMem_Free(states), PyErr_NoMemory();
    PyCapsule_SetContext(taken, (void *)count);
    for (Py_ssize_t i = 0; i < count; i++) {
        Node *node = node_at(nodes, i, count);
        if (!node) return Py_DECREF(taken), NULL;
        PyObject **partials = partials_of(node);
        states[i] = (State){node->__data, node->__left_partial, node->__right_partial,
                            partials ? Py_NewRef(*partials) : NULL};
    }
    return taken;
}

static PyObject *put_states(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *nodes, *taken;
    if (!PyArg_ParseTuple(args, "O!O", &PyList_Type, &nodes, &taken)) return NULL;
    State *states = PyCapsule_GetPointer(taken, NULL);
    Py_ssize_t count = PyList_GET_SIZE(nodes);
    if (!states || (Py_ssize_t)PyCapsule_GetContext(taken) != count)
        return PyErr_Format(PyExc_ValueError, "they were taken from other nodes"), NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        Node *node = node_at(nodes, i, count);
        if (!node) return NULL;
        node->__data = states[i].data;
        node->__left_partial = states[i].left;
        node->__right_partial = states[i].right;
        if (states[i].partials)
            set_parent(partials_of(node), Py_NewRef(states[i].partials));
    }
    Py_RETURN_NONE;
}

/* ---- partials of many parents: bytes of doubles, a third of a list of floats ---------- */

static PyObject *in_doubles(PyObject *Py_UNUSED(module), PyObject *partials) {
    if (PyBytes_Check(partials)) return Py_NewRef(partials);
    if (!PyList_Check(partials)) return PyErr_Format(PyExc_TypeError, "not a list"), NULL;
    Py_ssize_t count = PyList_GET_SIZE(partials);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, count * sizeof(double));
    double *numbers = bytes ? (double *)PyBytes_AS_STRING(bytes) : NULL;
    for (Py_ssize_t i = 0; bytes && i < count; i++) {
        numbers[i] = PyFloat_AsDouble(PyList_GET_ITEM(partials, i));
        if (numbers[i] == -1.0 && PyErr_Occurred()) Py_CLEAR(bytes);
    }
    return bytes;
}

static PyObject *in_floats(PyObject *Py_UNUSED(module), PyObject *bytes) {
    if (!PyBytes_Check(bytes)) return PyErr_Format(PyExc_TypeError, "not packed"), NULL;
    Py_ssize_t count = PyBytes_GET_SIZE(bytes) / (Py_ssize_t)sizeof(double);
    const double *numbers = (const double *)PyBytes_AS_STRING(bytes);
    PyObject *partials = PyTuple_New(count);
    for (Py_ssize_t i = 0; partials && i < count; i++) {
        PyObject *number = PyFloat_FromDouble(numbers[i]);
        if (!number) Py_CLEAR(partials);
        else PyTuple_SET_ITEM(partials, i, number);
    }
    return partials;
}

/* A node with many parents hands each its share, as `_sweep` does with one or two:
   hand_on(node, base, stack, chosen). */
static PyObject *hand_on(PyObject *Py_UNUSED(module), PyObject *const *args,
                         Py_ssize_t Py_UNUSED(count)) {
    Node *node = (Node *)args[0];
    Terms *terms = (void *)node->__right;
    int64_t base = PyLong_AsLongLong(args[1]);
    if (base == -1 && PyErr_Occurred()) return NULL;
    Py_ssize_t parents = PyTuple_GET_SIZE(terms->_parents);
    const double *partials = (const double *)PyBytes_AS_STRING(terms->_partials);
    for (Py_ssize_t i = 0; i < parents; i++) {
        Node *parent = (Node *)PyTuple_GET_ITEM(terms->_parents, i);
        double share = node->__adjoint * partials[i];
        if (share != share) {
            PyObject *found = PyObject_CallFunction(args[3], "Ond", node, i, share);
            share = found ? PyFloat_AsDouble(found) : 0.0;
            Py_XDECREF(found);
            if (PyErr_Occurred()) return NULL;
        }
        if (parent->__mark <= base) continue; /* it is older than the walk goes */
        parent->__adjoint += share;
        if (--parent->__mark == base && PyList_Append(args[2], (PyObject *)parent))
            return NULL;
    }
    Py_RETURN_NONE;
}

/* ---- setting up ------------------------------------------------------------------------ */

/* Let the operators of nodes come by here first. */
static void take_operators(PyNumberMethods *numbers, PyObject *table) {
#define TAKE(slot, name) \
    row_of_##slot = PyDict_GetItemString(table, name); \
    if (numbers->nb_##slot != node_##slot) usual_##slot = numbers->nb_##slot; \
    numbers->nb_##slot = node_##slot;
    OPERATORS(TAKE)
    if (numbers->nb_power != node_power) usual_power = numbers->nb_power;
    numbers->nb_power = node_power;
}

/* Tell each row its kernel, and let the class of nodes have its operators from here. */
static int equip(PyObject *table, PyObject *leaves) {
    model = (Node *)PyObject_CallFunction((PyObject *)adopted, "d", 0.0);
    model_terms = (Terms *)PyObject_CallFunction((PyObject *)terms_class, "()[]");
    if (!model || !model_terms) return -1;
    for (int i = 0; i < KERNELS + REDUCTIONS; i++) {
        const char *name = i < KERNELS ? kernels[i].name : reductions[i - KERNELS].name;
        Operation *row = (Operation *)PyDict_GetItemString(table, name);
        if (!row) return PyErr_Format(PyExc_ImportError, "there is no row %s", name), -1;
        row->_kernel = i + 1;
        if (i >= KERNELS) continue;
        if (row->vectorcall != call_row) usual_call = row->vectorcall;
        row->vectorcall = call_row;
        if (!strcmp(name, "pow")) power_row = (PyObject *)row;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(leaves); i++)
        ((Operation *)PyTuple_GET_ITEM(leaves, i))->_kernel = LEAF;
    take_operators(adopted->tp_as_number, table);
    return 0;
}

/* Recording in C, in the compiled engine alone: what an operation of the table gives for
   finite numbers, and the node of it. build/rows.h has each row as a C function, which
   the row has written itself (autograd/native_rows.py).

   Whatever is not plain sailing is left to Python, whose row says what is to be done:
   other types of operands, a result that is not finite, a mode that watches. A function
   here then returns NULL without an error. */

#include <fenv.h>
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

/* A slope may be infinite, and no error; numpy warns of what the processor remembers. */
static void forget(void) { feclearexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW); }

/* What Python's own function gives, to the last bit. It depends on its arguments alone,
   so that a row that names it three times calls it once. */
#ifdef __GNUC__
#define CONST __attribute__((const, noinline))
#define NOINLINE __attribute__((noinline))
#else
#define CONST
#define NOINLINE
#endif

static PyObject *hypot_of_math, *atan2_of_math;

static double of_two(PyObject *function, double x, double y) {
    PyObject *args[] = {PyFloat_FromDouble(x), PyFloat_FromDouble(y)}, *out = NULL;
    if (args[0] && args[1]) out = PyObject_Vectorcall(function, args, 2, NULL);
    double number = out ? PyFloat_AS_DOUBLE(out) : NAN; /* of which Python is asked */
    Py_XDECREF(args[0]), Py_XDECREF(args[1]), Py_XDECREF(out);
    PyErr_Clear();
    return number;
}

CONST static double python_hypot(double x, double y) {
    return of_two(hypot_of_math, x, y);
}

CONST static double python_atan2(double y, double x) {
    return of_two(atan2_of_math, y, x);
}

/* x % y and x // y of Python's floats. */
static double python_mod(double x, double y) {
    if (y == 0.0) return ask();
    double rest = fmod(x, y);
    if (rest == 0.0) return copysign(0.0, y);
    return (rest < 0.0) != (y < 0.0) ? rest + y : rest;
}

static double python_floordiv(double x, double y) {
    if (y == 0.0) return ask();
    double rest = fmod(x, y), quotient = (x - rest) / y;
    if (rest != 0.0 && (rest < 0.0) != (y < 0.0)) quotient -= 1.0;
    if (quotient == 0.0) return copysign(0.0, x / y);
    double whole = floor(quotient);
    return quotient - whole > 0.5 ? whole + 1.0 : whole;
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
static PyObject *answer_row;      /* of one that is True or False */
static autograd___modes___ModeObject *mode;
static autograd___value___ClockObject *clock_of_walks;
static vectorcallfunc usual_call; /* of an operation; mypyc's own */

static int watched(void) { return mode->_observer != Py_None; }

/* A node; it takes over the references to what it holds at left and right. */
static Node *new_node(PyObject *operation, double data, PyObject *left,
                      PyObject *right) {
    Node *node = left && right ? (Node *)node_alloc(adopted, 0) : NULL;
    if (!node) return Py_XDECREF(left), Py_XDECREF(right), NULL;
    node->vtable = model->vtable;
    node->__left = left;
    node->__right = right;
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
    if (!PyLong_CheckExact(x) && !PyBool_Check(x)) return -1;
    *number = PyLong_AsDouble(x);
    if (*number != -1.0 || !PyErr_Occurred()) return 0;
    PyErr_Clear(); /* Python says that it is too large */
    return -1;
}

/* A leaf for a bare number. A function of its own, or else all recording is slower. */
static NOINLINE PyObject *number_as_node(PyObject *x, double number) {
    return (PyObject *)new_node(PyBool_Check(x) ? answer_row : constant_row, number,
                                Py_NewRef(Py_None), Py_NewRef(Py_None));
}

/* An operand as a node: a new reference, a new node for a bare number. */
static PyObject *as_node(PyObject *x, double number) {
    return Py_IS_TYPE(x, adopted) ? Py_NewRef(x) : number_as_node(x, number);
}

/* What a node with more than two parents has; takes over both references. */
static PyObject *new_terms(PyObject *parents, PyObject *partials) {
    Terms *terms = NULL;
    if (parents && partials) terms = (Terms *)terms_class->tp_alloc(terms_class, 0);
    if (!terms) return Py_XDECREF(parents), Py_XDECREF(partials), NULL;
    terms->vtable = model_terms->vtable;
    terms->_parents = parents;
    terms->_partials = partials;
    return (PyObject *)terms;
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

/* A row of one to three arguments: its node, or for numbers alone a float. Inlined, so
   that where the kernel is known, as for an operator, it is no call either. */
static inline PyObject *recorded_by(double (*compute)(const double *, double *),
                                    PyObject *row, PyObject *const *args, int count) {
    double x[MOST], d[MOST], out;
    int nodes = 0;
    if (watched()) return NULL;
    for (int i = 0; i < count; i++) {
        int kind = operand(args[i], &x[i]);
        if (kind < 0) return NULL;
        nodes += kind;
    }
    asked = 0;
    out = compute(x, d);
    if (asked || !isfinite(d[0]) || !isfinite(d[count - 1])) forget();
    if (asked || !isfinite(out)) return NULL;
    if (!nodes) return PyFloat_FromDouble(out);
    PyObject *left, *right = Py_NewRef(Py_None);
    if (count > 2) {
        left = Py_NewRef(Py_None);
        set_parent(&right, new_terms(tuple_of_nodes(args, x, count), doubles(d, count)));
    } else {
        left = as_node(args[0], x[0]);
        if (count == 2) set_parent(&right, as_node(args[1], x[1]));
    }
    Node *node = new_node(row, out, left, right);
    if (!node || count > 2) return (PyObject *)node;
    node->__left_partial = d[0];
    if (count == 2) node->__right_partial = d[1];
    return (PyObject *)node;
}

static PyObject *recorded(PyObject *row, PyObject *const *args, Py_ssize_t count) {
    int64_t place = ((Operation *)row)->_kernel;
    if (place <= 0 || place > KERNELS || count != kernels[place - 1].arity) return NULL;
    return recorded_by(kernels[place - 1].compute, row, args, (int)count);
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
    PyObject *terms = new_terms(tuple_of_nodes(args, x, count), partials);
    partials = NULL;
    made = (PyObject *)new_node(row, out, Py_NewRef(Py_None), terms);
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

/* ---- operators and methods, each of which is a row ------------------------------------- */

/* Whether mypyc's operators take an operand: a node, or a number of Python's. */
static int usual_operand(PyObject *x) {
    return Py_IS_TYPE(x, adopted) || PyFloat_Check(x) || PyLong_Check(x) ||
           PyObject_TypeCheck(x, adopted); /* a Traced one */
}

/* Operands of other kinds: what autograd.value.with_number makes of them; NULL without
   an error where mypyc's own operator is to be asked. */
static PyObject *with_number(PyObject *row, PyObject *x, PyObject *y) {
    if (usual_operand(x) && usual_operand(y)) return NULL;
    PyObject *module = PyImport_ImportModule("autograd.value");
    PyObject *made = NULL;
    if (module) made = PyObject_CallMethod(module, "with_number", "OOO", row, x, y);
    Py_XDECREF(module);
    if (made == Py_NotImplemented) Py_CLEAR(made);
    return made;
}

/* What was made, or else what mypyc's own function in its place gives. */
#define OR(usual) (made || PyErr_Occurred() ? made : (usual))

#define OPERATORS(DO)                                                                   \
    DO(add, "add", recorded_by(all_add, row, args, 2))                                  \
    DO(subtract, "sub", recorded_by(all_sub, row, args, 2))                             \
    DO(multiply, "mul", recorded_by(all_mul, row, args, 2))                             \
    DO(true_divide, "div", recorded_by(all_div, row, args, 2))                          \
    DO(remainder, "mod", recorded(row, args, 2))                                        \
    DO(floor_divide, "floordiv", recorded(row, args, 2))

#define OPERATOR(slot, name, record)                                                    \
    static binaryfunc usual_##slot;                                                     \
    static PyObject *row_of_##slot;                                                     \
    static PyObject *node_##slot(PyObject *x, PyObject *y) {                            \
        PyObject *row = row_of_##slot, *args[] = {x, y}, *made = record;                \
        if (!made && !PyErr_Occurred()) made = with_number(row, x, y);                  \
        return OR(usual_##slot(x, y));                                                  \
    }
OPERATORS(OPERATOR)

static ternaryfunc usual_power;
static PyObject *row_of_power;

static PyObject *node_power(PyObject *x, PyObject *y, PyObject *modulus) {
    PyObject *row = row_of_power, *args[] = {x, y}, *made = NULL;
    if (modulus != Py_None) return usual_power(x, y, modulus);
    made = recorded_by(all_pow, row, args, 2);
    if (!made && !PyErr_Occurred()) made = with_number(row, x, y);
    return OR(usual_power(x, y, modulus));
}

static unaryfunc usual_negative;
static PyObject *row_of_negative;

static PyObject *node_negative(PyObject *x) {
    PyObject *made = recorded_by(all_neg, row_of_negative, &x, 1);
    return OR(usual_negative(x));
}

/* x.tanh(), and so on: every row of one argument may be a method by its name. */
typedef PyObject *(*Method)(PyObject *, PyObject *const *, size_t, PyObject *);

#define METHOD(name)                                                                    \
    static PyObject *name##_row;                                                        \
    static Method usual_##name##_method;                                                \
    static PyObject *method_##name(PyObject *x, PyObject *const *args, size_t count,    \
                                   PyObject *names) {                                   \
        PyObject *made = NULL;                                                          \
        if (!count && !names) made = recorded_by(all_##name, name##_row, &x, 1);        \
        return OR(usual_##name##_method(x, args, count, names));                        \
    }

#define METHOD_ENTRY(name) {#name, &name##_row, method_##name, &usual_##name##_method},

ROWS_OF_ONE(METHOD)

static const struct {
    const char *name;
    PyObject **row;
    Method method, *usual;
} methods[] = {ROWS_OF_ONE(METHOD_ENTRY)};

/* Put the functions above in place of mypyc's, which they fall back on. */
static int take_over(PyObject *table) {
    PyNumberMethods *numbers = adopted->tp_as_number;
#define TAKE(slot, name, record)                                                        \
    row_of_##slot = PyDict_GetItemString(table, name);                                  \
    if (numbers->nb_##slot != node_##slot) usual_##slot = numbers->nb_##slot;           \
    numbers->nb_##slot = node_##slot;
    OPERATORS(TAKE)
    TAKE(power, "pow", )
    TAKE(negative, "neg", )
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        *methods[i].row = PyDict_GetItemString(table, methods[i].name);
        for (PyMethodDef *its = adopted->tp_methods; its->ml_name; its++) {
            if (strcmp(its->ml_name, methods[i].name)) continue;
            if (its->ml_flags != (METH_FASTCALL | METH_KEYWORDS))
                return PyErr_Format(PyExc_ImportError, "%s is no method of mypyc's",
                                    its->ml_name), -1;
            Method own = (Method)(void (*)(void))its->ml_meth;
            if (own != methods[i].method) *methods[i].usual = own;
            its->ml_meth = (PyCFunction)(void (*)(void))methods[i].method;
        }
    }
    return 0;
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

/* ---- setting up ------------------------------------------------------------------------ */

/* Tell each row its kernel, and let the class of nodes have its operators from here. */
static int equip(PyObject *table, PyObject *leaves) {
    PyObject *math = PyImport_ImportModule("math");
    if (math) hypot_of_math = PyObject_GetAttrString(math, "hypot");
    if (math) atan2_of_math = PyObject_GetAttrString(math, "atan2");
    Py_XDECREF(math);
    if (!hypot_of_math || !atan2_of_math) return -1;
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
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(leaves); i++)
        ((Operation *)PyTuple_GET_ITEM(leaves, i))->_kernel = LEAF;
    return take_over(table);
}

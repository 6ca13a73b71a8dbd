/* What the compiled engine has beyond what mypyc writes, as an extension module of its
   own, autograd.native: memory for nodes (memory.h), recording without a step of
   Python's (recording.h), walks over what was recorded (walking.h), an AttributeError
   where an attribute is deleted, and the docstrings. setup.py puts the texts into
   docstrings.h. Anything here that is not as expected is an ImportError, which the
   build meets when it tries the engine, before anybody installs it. */

#include "__native_chainrule.h" /* mypyc's, for the fields of a node */
#include "memory.h"
#include "recording.h"
#include "walking.h"

/* ---- deleting ---------------------------------------------------------------------- */

typedef struct {
    const char *name;
    setter set;
} Property;

/* A property's setter. mypyc's own would crash where there is no value. */
static int set_or_refuse(PyObject *self, PyObject *value, void *closure) {
    Property *property = closure;
    if (value) return property->set(self, value, NULL);
    PyErr_Format(PyExc_AttributeError, "property '%s' of '%s' object has no deleter",
                 property->name, Py_TYPE(self)->tp_name);
    return -1;
}

static int refuse_deletion(PyGetSetDef *attribute) {
    if (!attribute->set || attribute->set == set_or_refuse) return 0;
    Property *property = attribute->closure ? NULL : PyMem_Malloc(sizeof(Property));
    if (!property) {
        PyErr_Format(PyExc_ImportError, "can't guard the setter of %s", attribute->name);
        return -1;
    }
    *property = (Property){attribute->name, attribute->set};
    attribute->closure = property;
    attribute->set = set_or_refuse;
    return 0;
}

/* ---- attributes of a user's own ------------------------------------------------------ */

/* `p.momentum = 0.0`: there is no room for it in a node, so that it is kept beside. */
static int node_setattro(PyObject *self, PyObject *name, PyObject *value) {
    PyObject *attributes = NULL;
    if (!_PyType_Lookup(Py_TYPE(self), name))
        attributes = attributes_of(self, value != NULL);
    if (!attributes || (!value && PyDict_Contains(attributes, name) != 1))
        return PyObject_GenericSetAttr(self, name, value); /* or the error it gives */
    return value ? PyDict_SetItem(attributes, name, value)
                 : PyDict_DelItem(attributes, name);
}

static PyObject *own_attributes(PyObject *Py_UNUSED(module), PyObject *node) {
    if (PyErr_Occurred()) return NULL; /* mypyc asks here also where a property raised */
    PyObject *attributes = attributes_of(node, 0);
    return attributes ? Py_NewRef(attributes) : PyDict_New();
}

/* ---- calls of the class with more than data and a label ------------------------------- */

static newfunc usual_new; /* mypyc's own, which calls __init__ */

/* Whether these are the arguments that __init__ names: nodes are made without them, and
   every name more would cost each node time. */
static int is_usual(PyObject *args, PyObject *names) {
    Py_ssize_t count = PyTuple_GET_SIZE(args), known = 0;
    if (count > 2) return 0;
    if (count == 2 && (PyTuple_Check(PyTuple_GET_ITEM(args, 1)) ||
                       PyList_Check(PyTuple_GET_ITEM(args, 1)) ||
                       PySet_Check(PyTuple_GET_ITEM(args, 1))))
        return 0;
    if (!names) return 1;
    known += PyDict_GetItemString(names, "data") != NULL;
    known += PyDict_GetItemString(names, "label") != NULL;
    return PyDict_GET_SIZE(names) == known;
}

static PyObject *node_new(PyTypeObject *type, PyObject *args, PyObject *names) {
    if (is_usual(args, names)) return usual_new(type, args, names);
    PyObject *module = PyImport_ImportModule("autograd.value");
    PyObject *made = module ? PyObject_GetAttrString(module, "made") : NULL;
    PyObject *node = made ? PyObject_Call(made, args, names) : NULL;
    Py_XDECREF(made);
    Py_XDECREF(module);
    return node;
}

/* ---- the class of nodes ------------------------------------------------------------ */

/* Let nodes be allocated and freed by memory.h, and their properties not be deleted.
   What mypyc writes would free a long chain as C calls inside one another, because the
   interpreter protects only objects that the cyclic collector tracks. */
static PyObject *adopt(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *class, *terms, *hooks, *clock, *table, *leaves, *chosen, *replay;
    if (!PyArg_ParseTuple(args, "OOOOO!O!OO", &class, &terms, &hooks, &clock, &PyDict_Type,
                          &table, &PyTuple_Type, &leaves, &chosen, &replay))
        return NULL;
    PyTypeObject *type = (PyTypeObject *)class;
    if (!PyType_Check(class) || type->tp_basicsize != sizeof(Node) ||
        PyType_IS_GC(type) || type->tp_alloc != PyType_GenericAlloc)
        return PyErr_Format(PyExc_ImportError, "%R is not the compiled Value", class);
    type->tp_alloc = node_alloc;
    type->tp_dealloc = node_dealloc;
    type->tp_setattro = node_setattro;
    if (type->tp_new != node_new) usual_new = type->tp_new;
    type->tp_new = node_new;
    PyType_Modified(type);
    for (PyGetSetDef *item = type->tp_getset; item && item->name; item++)
        if (refuse_deletion(item)) return NULL;
    adopted = type;
    terms_class = (PyTypeObject *)Py_NewRef(terms);
    mode = (void *)Py_NewRef(hooks);
    clock_of_walks = (void *)Py_NewRef(clock);
    constant_row = Py_NewRef(PyTuple_GET_ITEM(leaves, 0));
    python_chosen = Py_NewRef(chosen);
    python_replay = Py_NewRef(replay);
    answer_row = Py_NewRef(PyTuple_GET_ITEM(leaves, 1));
    if (equip(table, leaves)) return NULL;
    Py_RETURN_NONE;
}

/* ---- the adjoints of many nodes ---------------------------------------------------- */

/* A list of nodes: their adjoints, as the bytes of doubles, and 0 in their place. A
   list of floats would take more time than a walk over the graph. */
static PyObject *take_adjoints(PyObject *Py_UNUSED(module), PyObject *nodes) {
    if (!PyList_Check(nodes)) return PyErr_Format(PyExc_TypeError, "not a list"), NULL;
    Py_ssize_t count = PyList_GET_SIZE(nodes);
    PyObject *taken = PyBytes_FromStringAndSize(NULL, count * sizeof(double));
    if (!taken) return NULL;
    double *numbers = (double *)PyBytes_AS_STRING(taken);
    for (Py_ssize_t i = 0; i < count; i++) {
        Node *node = node_at(nodes, i);
        if (!node) return Py_DECREF(taken), NULL;
        numbers[i] = node->__adjoint;
        node->__adjoint = 0.0;
    }
    return taken;
}

/* A list of nodes: their numbers, as the bytes of doubles. */
static PyObject *data_of(PyObject *Py_UNUSED(module), PyObject *nodes) {
    if (!PyList_Check(nodes)) return PyErr_Format(PyExc_TypeError, "not a list"), NULL;
    Py_ssize_t count = PyList_GET_SIZE(nodes);
    PyObject *found = PyBytes_FromStringAndSize(NULL, count * sizeof(double));
    if (!found) return NULL;
    double *numbers = (double *)PyBytes_AS_STRING(found);
    for (Py_ssize_t i = 0; i < count; i++) {
        Node *node = node_at(nodes, i);
        if (!node) return Py_DECREF(found), NULL;
        numbers[i] = node->__data;
    }
    return found;
}

/* The way back. */
static PyObject *put_adjoints(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *nodes, *taken;
    if (!PyArg_ParseTuple(args, "O!S", &PyList_Type, &nodes, &taken)) return NULL;
    Py_ssize_t count = PyList_GET_SIZE(nodes);
    if (PyBytes_GET_SIZE(taken) != count * (Py_ssize_t)sizeof(double))
        return PyErr_Format(PyExc_ValueError, "they were taken from other nodes"), NULL;
    const double *numbers = (const double *)PyBytes_AS_STRING(taken);
    for (Py_ssize_t i = 0; i < count; i++) {
        Node *node = node_at(nodes, i);
        if (!node) return NULL;
        node->__adjoint = numbers[i];
    }
    Py_RETURN_NONE;
}

/* ---- docstrings -------------------------------------------------------------------- */

static struct {
    const char *module, *owner, *name, *text; /* owner: a class, or "" */
    char *whole;                              /* what mypyc wrote, and the text */
} docstrings[] = {
#include "docstrings.h"
};

/* A method's or function's: the signature, as mypyc writes it, then the text. */
static int describe(PyMethodDef *method, const char *text, char **whole) {
    if (!*whole) {
        const char *signature = method->ml_doc ? method->ml_doc : "";
        *whole = PyMem_Malloc(strlen(signature) + strlen(text) + 1);
        if (!*whole) return PyErr_NoMemory(), -1;
        strcat(strcpy(*whole, signature), text);
    }
    method->ml_doc = *whole;
    return 0;
}

static int document(PyObject *object, const char *text, char **whole) {
    if (PyCFunction_Check(object))
        return describe(((PyCFunctionObject *)object)->m_ml, text, whole);
    if (Py_IS_TYPE(object, &PyMethodDescr_Type))
        return describe(((PyMethodDescrObject *)object)->d_method, text, whole);
    if (Py_IS_TYPE(object, &PyGetSetDescr_Type)) {
        ((PyGetSetDescrObject *)object)->d_getset->doc = text;
        return 0;
    }
    if (Py_IS_TYPE(object, &PyWrapperDescr_Type)) return 0; /* `+` has Python's own */
    if (!PyType_Check(object))
        return PyErr_Format(PyExc_ImportError, "can't document %R", object), -1;
    PyObject *string = PyUnicode_FromString(text);
    int failed = !string || PyObject_SetAttrString(object, "__doc__", string);
    Py_XDECREF(string);
    return failed ? -1 : 0;
}

/* Give the compiled functions, methods, properties and classes their docstrings. mypyc
   writes the signatures alone; `help()` should be the same compiled and plain. */
static PyObject *complete(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(nothing)) {
    for (size_t i = 0; i < sizeof(docstrings) / sizeof(docstrings[0]); i++) {
        PyObject *object = PyImport_ImportModule(docstrings[i].module);
        const char *names[] = {docstrings[i].owner, docstrings[i].name};
        for (int step = 0; object && step < 2; step++) {
            if (!*names[step]) continue;
            PyObject *inner = PyObject_GetAttrString(object, names[step]);
            Py_DECREF(object);
            object = inner;
        }
        if (!object) return NULL;
        int failed = document(object, docstrings[i].text, &docstrings[i].whole);
        Py_DECREF(object);
        if (failed) return NULL;
    }
    Py_RETURN_NONE;
}

/* ---- the module -------------------------------------------------------------------- */

static PyMethodDef functions[] = {
    {"adopt", adopt, METH_VARARGS, "Let nodes of this class live and be made here."},
    {"own_attributes", own_attributes, METH_O, "A dict of what a user put on a node."},
    {"complete", complete, METH_NOARGS, "Give what is compiled its docstrings."},
    {"take_adjoints", take_adjoints, METH_O, "The adjoints of nodes, then 0."},
    {"data_of", data_of, METH_O, "The numbers of nodes."},
    {"put_adjoints", put_adjoints, METH_VARARGS, "Give nodes what was taken."},
    {"record_row", (PyCFunction)(void (*)(void))record_row, METH_FASTCALL,
     "A row and its one to three operands: the node, or None."},
    {"record_list", (PyCFunction)(void (*)(void))record_list, METH_FASTCALL,
     "A row and a list of operands: the node, or None."},
    {"ordered", (PyCFunction)(void (*)(void))ordered, METH_FASTCALL,
     "Nodes in order, and whether older ones were met."},
    {"backward", (PyCFunction)(void (*)(void))backward, METH_FASTCALL,
     "Give all nodes below outputs their gradients."},
    {"slopes", (PyCFunction)(void (*)(void))slopes, METH_FASTCALL,
     "The derivatives of outputs by inputs."},
    {"replay", (PyCFunction)(void (*)(void))replay, METH_FASTCALL,
     "Compute all nodes below outputs anew."},
    {"in_doubles", in_doubles, METH_O, "A list of floats as the bytes of doubles."},
    {"in_floats", in_floats, METH_O, "The way back, to a tuple."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef native = {
    PyModuleDef_HEAD_INIT, "autograd.native", NULL, -1, functions,
};

PyMODINIT_FUNC PyInit_native(void) { return PyModule_Create(&native); }

/* Memory for nodes, in the compiled engine alone; native.c puts it in place of the
   class's own allocation and deallocation.

   Nodes live in slabs of 2 MiB, each aligned to its size, so that a node finds its
   slab in its own address. A slab is one huge page where the system has them: a graph
   of millions of nodes costs one page fault per 21 844 nodes instead of one per 42.
   A slab without nodes goes back to the system, except for the few kept for the next
   graph. Everything here runs with the interpreter lock held. */

#ifdef Py_GIL_DISABLED
#error "the compiled engine counts on the interpreter lock"
#endif

typedef autograd___value___ValueObject Node;

#if defined(__unix__) || defined(__APPLE__)

#include <sys/mman.h>

#define SLAB ((size_t)1 << 21) /* bytes of a slab */
#define KEPT 16                /* empty slabs that are kept */

typedef struct Slab {
    struct Slab *before, *after; /* its neighbours in the list of those with room */
    Node *freed;                 /* nodes to use again, linked by their vtable */
    Node *fresh;                 /* the first of those never used, up to the end */
    size_t used;                 /* nodes in use */
} Slab;

static Slab *with_room; /* slabs with room; nodes come from the first */
static size_t slabs, empty;

static int has_room(const Slab *slab) {
    return slab->freed || (char *)(slab->fresh + 1) <= (char *)slab + SLAB;
}

static void enlist(Slab *slab) {
    slab->before = NULL;
    slab->after = with_room;
    if (with_room) with_room->before = slab;
    with_room = slab;
}

static void unlist(Slab *slab) {
    if (slab->before) slab->before->after = slab->after;
    else with_room = slab->after;
    if (slab->after) slab->after->before = slab->before;
}

static int new_slab(void) {
    /* Twice the size holds an aligned slab; what lies around it is given back. */
    char *start = mmap(NULL, 2 * SLAB, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return 0;
    size_t ahead = -(uintptr_t)start & (SLAB - 1);
    Slab *slab = (Slab *)(start + ahead);
    if (ahead) munmap(start, ahead);
    munmap((char *)slab + SLAB, SLAB - ahead);
#ifdef MADV_HUGEPAGE
    if (slabs) madvise(slab, SLAB, MADV_HUGEPAGE); /* a small graph stays small */
#endif
    PyTraceMalloc_Track(0, (uintptr_t)slab, SLAB);
    slab->freed = NULL;
    slab->fresh = (Node *)(slab + 1);
    slab->used = 0;
    enlist(slab);
    slabs++;
    empty++;
    return 1;
}

static inline PyObject *node_alloc(PyTypeObject *type, Py_ssize_t Py_UNUSED(items)) {
    if (unlikely(!with_room) && !new_slab()) return PyErr_NoMemory();
    Slab *slab = with_room;
    Node *node = slab->freed;
    if (node) slab->freed = (Node *)node->vtable;
    else node = slab->fresh++;
    if (unlikely(slab->used++ == 0)) empty--;
    if (unlikely(!has_room(slab))) unlist(slab);
    PyObject_Init((PyObject *)node, type);
    /* One by one: a memset of this length becomes an instruction that takes longer than
       all else here. */
    Py_BUILD_ASSERT(sizeof(Node) == sizeof(PyObject) + 10 * sizeof(int64_t));
    node->vtable = NULL;
    node->__left = node->__right = node->__label = node->__operation = NULL;
    node->__data = node->__left_partial = node->__right_partial = 0.0;
    node->__adjoint = 0.0;
    node->__mark = 0;
    return (PyObject *)node;
}

static void node_free(Node *node) {
    Slab *slab = (Slab *)((uintptr_t)node & ~(SLAB - 1));
    if (unlikely(!has_room(slab))) enlist(slab);
    node->vtable = (CPyVTableItem *)slab->freed;
    slab->freed = node;
    if (likely(--slab->used)) return;
    if (empty < KEPT) {
        slab->freed = NULL; /* in the order of their addresses again */
        slab->fresh = (Node *)(slab + 1);
        empty++;
        return;
    }
    unlist(slab);
    slabs--;
    PyTraceMalloc_Untrack(0, (uintptr_t)slab);
    munmap(slab, SLAB);
}

#else

#define node_alloc PyType_GenericAlloc
#define node_free PyObject_Free

#endif

/* Attributes that users put on nodes, such as an optimizer's p.momentum: a dict for each
   of these nodes, by its address. Few have any, and the others pay one question. */
static PyObject *attributed;
static Py_ssize_t owners;

/* The node's own, or NULL; made where `make` says so. An error is left as it was. */
static PyObject *attributes_of(PyObject *node, int make) {
    PyObject *type, *value, *traceback, *found = NULL;
    if (!owners && !make) return NULL;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *key = PyLong_FromVoidPtr(node);
    if (key && (attributed || (attributed = PyDict_New()))) {
        found = PyDict_GetItemWithError(attributed, key);
        if (!found && make && (found = PyDict_New())) {
            if (PyDict_SetItem(attributed, key, found)) Py_CLEAR(found);
            else Py_DECREF(found); /* held there */
            owners = PyDict_GET_SIZE(attributed);
        }
    }
    Py_XDECREF(key);
    PyErr_Restore(type, value, traceback);
    return found;
}

static void forget_attributes(PyObject *node) {
    PyObject *type, *value, *traceback;
    if (!attributes_of(node, 0)) return;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *key = PyLong_FromVoidPtr(node);
    if (key) PyDict_DelItem(attributed, key);
    Py_XDECREF(key);
    owners = PyDict_GET_SIZE(attributed);
    PyErr_Restore(type, value, traceback);
}

/* Free a node, then those that it alone held, and so on: one after the other, because
   a chain of a million nodes must not become a million calls inside one another. */
static void node_dealloc(PyObject *self) {
    static Node *waiting; /* linked by their vtable */
    static int busy;
    Node *node = (Node *)self;
    node->vtable = (CPyVTableItem *)waiting;
    waiting = node;
    if (busy) return;
    busy = 1;
    while ((node = waiting)) {
        waiting = (Node *)node->vtable;
        PyTypeObject *type = Py_TYPE(node);
        PyObject *left = node->__left, *right = node->__right;
        PyObject *label = node->__label, *operation = node->__operation;
        if (unlikely(owners)) forget_attributes((PyObject *)node);
        node_free(node);
        Py_XDECREF(left);
        Py_XDECREF(right);
        Py_XDECREF(label);
        Py_XDECREF(operation);
        Py_DECREF(type);
    }
    busy = 0;
}

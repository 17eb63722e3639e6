/*
 * Memory that Python and tensors share. These functions are called where no Python code can be: on any
 * thread, and while the interpreter ends.
 */

#ifndef CANDLE_FFI_MEMORY_H
#define CANDLE_FFI_MEMORY_H

#include "candle_ffi.h"

/* Set once the interpreter begins to end: what tensors hold then is left to the system. */
static int py_closing = 0;

static void py_close(void) {
    py_closing = 1;
}

/* The deleter of a tensor in the memory of a Python object, of which the tensor has a reference. */
static void py_release(void *owner) {
    if (!py_closing && Py_IsInitialized()) {
        PyGILState_STATE state = PyGILState_Ensure();
        Py_DECREF((PyObject *)owner);
        PyGILState_Release(state);
    }
}

/* What DLPack's structures have before and after the part that is not looked at here. */
struct DLManagedTensor {
    struct {
        void *data;
        int32_t device[2];
        int32_t rank;
        uint8_t dtype[4];
        int64_t *shape, *strides;
        uint64_t byte_offset;
    } view;
    void *context;
    void (*deleter)(struct DLManagedTensor *self);
};

struct DLManagedTensorVersioned {
    uint32_t version[2];
    void *context;
    void (*deleter)(struct DLManagedTensorVersioned *self);
};

/* The names of capsules. They live as long as any capsule. */
static const char *py_capsule_name(int32_t versioned, int32_t used) {
    if (versioned) {
        return used ? "used_dltensor_versioned" : "dltensor_versioned";
    }
    return used ? "used_dltensor" : "dltensor";
}

/* The destructor of a capsule: frees a tensor that nobody has taken out of it. */
static void py_free_capsule(void *capsule) {
    PyObject *object = (PyObject *)capsule;
    const char *name = py_capsule_name(1, 0);
    if (PyCapsule_IsValid(object, name)) {
        struct DLManagedTensorVersioned *managed =
            (struct DLManagedTensorVersioned *)PyCapsule_GetPointer(object, name);
        if (managed->deleter != NULL) {
            managed->deleter(managed);
        }
        return;
    }
    name = py_capsule_name(0, 0);
    if (PyCapsule_IsValid(object, name)) {
        struct DLManagedTensor *managed =
            (struct DLManagedTensor *)PyCapsule_GetPointer(object, name);
        if (managed->deleter != NULL) {
            managed->deleter(managed);
        }
    }
}

#endif /* CANDLE_FFI_MEMORY_H */

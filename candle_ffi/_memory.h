/*
 * Memory that Python and tensors share. These functions are called where no Python code can be: on any
 * thread, and while the interpreter ends.
 */

#ifndef CANDLE_FFI_MEMORY_H
#define CANDLE_FFI_MEMORY_H

#include "_shims.h"

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

/*
 * What an array on a tensor must know, in one call: address, dtype, device, whether it is contiguous, sizes,
 * strides. `cells` has room for 4 numbers and twice the rank.
 */
static int32_t py_layout(const CandleTensor *tensor, int64_t *cells, size_t rank) {
    void *address = NULL;
    int32_t status;
    cells[1] = candle_tensor_dtype(tensor);
    cells[2] = candle_tensor_device(tensor);
    cells[3] = candle_tensor_is_contiguous(tensor);
    if (cells[2] == CANDLE_DEVICE_CPU) {
        status = candle_tensor_data_ptr(tensor, &address, py_error_cell());
        if (status != CANDLE_OK) {
            return status;
        }
    }
    cells[0] = (int64_t)(intptr_t)address;
    status = candle_tensor_shape(tensor, cells + 4, rank, py_error_cell());
    if (status != CANDLE_OK) {
        return status;
    }
    return candle_tensor_strides(tensor, cells + 4 + rank, rank, py_error_cell());
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

/* The deleter of a tensor in the memory of a Python object, which is the structure's context. */
static void py_release_managed(struct DLManagedTensorVersioned *managed) {
    py_release(managed->context);
}

/* The names of capsules. They live as long as any capsule. */
static const char *py_capsule_name(int32_t versioned, int32_t used) {
    if (versioned) {
        return used ? "used_dltensor_versioned" : "dltensor_versioned";
    }
    return used ? "used_dltensor" : "dltensor";
}

/* Takes the tensor out of a capsule, once whichever threads ask; NULL where there is none of the kind. */
static void *py_take_from_capsule(void *capsule, int32_t versioned) {
    PyObject *object = (PyObject *)capsule;
    const char *name = py_capsule_name(versioned, 0);
    void *managed = NULL;
    PyGILState_STATE state = PyGILState_Ensure();
    if (PyCapsule_IsValid(object, name)) {
        managed = PyCapsule_GetPointer(object, name);
        /* The destructor looks at the name. */
        PyCapsule_SetName(object, py_capsule_name(versioned, 1));
    }
    PyGILState_Release(state);
    return managed;
}

/* Leaves a capsule what was taken out of it. */
static void py_leave_to_capsule(void *capsule, int32_t versioned) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyCapsule_SetName((PyObject *)capsule, py_capsule_name(versioned, 0));
    PyGILState_Release(state);
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

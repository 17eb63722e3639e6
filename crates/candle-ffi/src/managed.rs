//! The structures of `dlpack.h`. They are not in our header: a caller who uses them includes theirs.

use std::ffi::c_void;

/// `DLPackVersion`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

/// `DLDevice`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct DeviceId {
    pub(crate) kind: i32,
    pub(crate) index: i32,
}

/// `DLDataType`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Element {
    pub(crate) code: u8,
    pub(crate) bits: u8,
    pub(crate) lanes: u16,
}

/// `DLTensor`.
#[repr(C)]
pub(crate) struct View {
    pub(crate) data: *mut c_void,
    pub(crate) device: DeviceId,
    pub(crate) rank: i32,
    pub(crate) element: Element,
    pub(crate) shape: *mut i64,
    pub(crate) strides: *mut i64,
    pub(crate) byte_offset: u64,
}

/// Told once that the tensor is not used any more.
pub(crate) type Delete = Option<unsafe extern "C" fn(*mut c_void)>;

/// A tensor in the form before versions, with whoever must be told when it is not used any more.
#[repr(C)]
pub struct DLManagedTensor {
    pub(crate) view: View,
    pub(crate) context: *mut c_void,
    pub(crate) delete: Delete,
}

/// A tensor with the version of its form, flags, and whoever must be told when it is not used any more.
#[repr(C)]
pub struct DLManagedTensorVersioned {
    pub(crate) version: Version,
    pub(crate) context: *mut c_void,
    pub(crate) delete: Delete,
    pub(crate) flags: u64,
    pub(crate) view: View,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structures_are_those_of_the_header() {
        // What dlpack.h gives on 64-bit machines.
        assert_eq!(size_of::<View>(), 48);
        assert_eq!(size_of::<DLManagedTensor>(), 64);
        assert_eq!(size_of::<DLManagedTensorVersioned>(), 80);
    }
}

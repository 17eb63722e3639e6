//! Tensors in files of the safetensors format.
//!
//! Files are read in one pass without being held in memory twice, and everything their header says is
//! checked before it is believed. They are written beside their place and moved there when complete,
//! so that a failure leaves the old file as it was.

mod header;
mod replace;
mod room;

use crate::{Error, ErrorCode, Result, Tensor, compute};
use header::Header;
pub(crate) use replace::replace;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

/// What a file holds: its tensors and its metadata, each ordered by name.
pub type Contents = (Vec<(String, Tensor)>, Vec<(String, String)>);

/// Reads a safetensors file.
///
/// Fails with `Io` when it cannot be read and `FileFormat` when it is not what the format demands, has
/// a header of more than 16 MiB, or a tensor of a dtype that is not supported. Any byte but zero of a
/// bool tensor is true.
pub fn load(path: impl AsRef<Path>) -> Result<Contents> {
    let path = path.as_ref();
    let label = format!("the file {}", path.display());
    let read = || {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        read(&mut file, length)
    };
    read().map_err(|error| about(&label, &error))
}

/// Reads the content of a safetensors file from memory.
pub fn load_bytes(bytes: &[u8]) -> Result<Contents> {
    let mut reader = bytes;
    read(&mut reader, bytes.len() as u64).map_err(|error| about("the given bytes", &error))
}

/// Writes a safetensors file, in place of an old one only when it is complete.
///
/// Tensors of any strides, dtype and device are written; the same tensors give the same file. Fails
/// with `Io` when it cannot be written and `InvalidArgument` when two tensors have one name.
pub fn save(path: impl AsRef<Path>, tensors: &[(&str, &Tensor)], metadata: &[(&str, &str)]) -> Result<()> {
    let path = path.as_ref();
    let label = format!("the file {}", path.display());
    let (header, order) = header::describe(tensors, metadata)?;
    let write = |file: &File| {
        let mut writer = BufWriter::new(file);
        writer.write_all(&header)?;
        for &at in &order {
            compute::write_bytes(&mut writer, &tensors[at].1.value())?;
        }
        Ok(writer.flush()?)
    };
    replace(path, write).map_err(|error| about(&label, &error))
}

fn read(reader: &mut dyn Read, length: u64) -> Result<Contents> {
    let Header { mut entries, metadata } = header::read(reader, length)?;
    // The order of the data.
    entries.sort_by_key(|entry| entry.start);
    let mut tensors = Vec::with_capacity(entries.len());
    for entry in entries {
        let value = compute::read_bytes(reader, &entry.dims, entry.dtype)?;
        tensors.push((entry.name, Tensor::from_value(value)));
    }
    tensors.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok((tensors, metadata))
}

/// Names the file that an error is about.
pub(crate) fn about(label: &str, error: &Error) -> Error {
    match error.code() {
        ErrorCode::Io | ErrorCode::FileFormat | ErrorCode::OutOfMemory => {
            Error::new(error.code(), format!("{label}: {}", error.message()))
        }
        _ => error.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;
    use crate::ops::{permute, to_dtype, zeros};
    use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

    fn matrix() -> Tensor {
        let data = vec![1.0f32, f32::from_bits(0x7fa0_0001), -0.0, 3.0, 4.0, 5.0];
        Tensor::from_value(compute::from_vec(data, &[2, 3], DType::Float32))
    }

    fn bits(tensor: &Tensor) -> Vec<u32> {
        let value = compute::contiguous(&tensor.value()).unwrap();
        value.array.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().map(|x| x.to_bits()).collect()
    }

    #[test]
    fn every_dtype_strides_and_nan_payloads_return() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.safetensors");
        let mut tensors: Vec<(String, Tensor)> = DType::ALL
            .iter()
            .map(|&dtype| {
                (format!("é {dtype}"), to_dtype(&zeros(&[2, 0, 1], dtype, crate::Device::CPU).unwrap(), dtype).unwrap())
            })
            .collect();
        tensors.push(("turned".to_owned(), permute(&matrix(), &[1, 0]).unwrap()));
        tensors.push(("scalar".to_owned(), zeros(&[], DType::Bool, crate::Device::CPU).unwrap()));
        let named: Vec<(&str, &Tensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        save(&path, &named, &[("format", "pt"), ("by", "test")]).unwrap();
        let (loaded, metadata) = load(&path).unwrap();
        assert_eq!(metadata, [("by".into(), "test".into()), ("format".into(), "pt".into())]);
        assert!(loaded.is_sorted_by(|left, right| left.0 < right.0) && loaded.len() == tensors.len());
        for (name, tensor) in &loaded {
            let (_, original) = tensors.iter().find(|(other, _)| other == name).unwrap();
            assert_eq!((tensor.dtype(), tensor.dims()), (original.dtype(), original.dims()));
        }
        let turned = &loaded.iter().find(|(name, _)| name == "turned").unwrap().1;
        assert_eq!(bits(turned), bits(&permute(&matrix(), &[1, 0]).unwrap()));
        // The reference implementation reads it too.
        let bytes = std::fs::read(&path).unwrap();
        let reference = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(reference.tensor("turned").unwrap().shape(), [3, 2]);
        assert_eq!(reference.len(), tensors.len());
        save(&path, &named, &[("by", "test"), ("format", "pt")]).unwrap();
        assert!(std::fs::read(&path).unwrap() == bytes, "the same tensors give the same file");
    }

    #[test]
    fn files_of_the_reference_implementation_are_read() {
        let data = [1.5f32.to_le_bytes(), (-2.0f32).to_le_bytes()].concat();
        let flags = [0u8, 1, 255];
        let views = [
            ("x", TensorView::new(Dtype::F32, vec![2, 1], &data).unwrap()),
            ("flags", TensorView::new(Dtype::BOOL, vec![3], &flags).unwrap()),
        ];
        let (loaded, metadata) = load_bytes(&serialize(views, None).unwrap()).unwrap();
        assert!(metadata.is_empty());
        let [(first, flags), (second, x)] = loaded.as_slice() else { panic!("two tensors") };
        assert_eq!((first.as_str(), second.as_str(), x.dims()), ("flags", "x", vec![2, 1]));
        assert_eq!(bits(x), [1.5f32.to_bits(), (-2.0f32).to_bits()]);
        assert_eq!(flags.value().array.to_vec1::<u8>().unwrap(), [0, 1, 1]);
        let strange = TensorView::new(Dtype::F8_E5M2, vec![3], &[0; 3]).unwrap();
        let error = load_bytes(&serialize([("odd", strange)], None).unwrap()).unwrap_err();
        assert!(
            error.code() == ErrorCode::FileFormat
                && error.message().contains("odd")
                && error.message().contains("F8_E5M2"),
            "{error}"
        );
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        save(&path, &[("x", &matrix())], &[]).unwrap();
        let before = std::fs::read(&path).unwrap();
        for (tensors, metadata) in [
            (&[("x", &matrix()), ("x", &matrix())][..], &[][..]),
            (&[("__metadata__", &matrix())], &[]),
            (&[], &[("key", "a"), ("key", "b")]),
        ] {
            assert_eq!(save(&path, tensors, metadata).unwrap_err().code(), ErrorCode::InvalidArgument);
        }
        let failure = replace::replace(&path, |mut file| {
            file.write_all(b"half")?;
            Err(Error::new(ErrorCode::Io, "no space left"))
        });
        assert!(failure.is_err());
        assert!(std::fs::read(&path).unwrap() == before);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nothing_yet_and_a_socket_stay_what_they_are() {
        use std::os::unix::fs::{FileTypeExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (near, far) = (folder.path().join("near"), folder.path().join("far"));
        std::fs::create_dir(&near).unwrap();
        std::fs::create_dir(&far).unwrap();
        symlink("../far/x", near.join("x")).unwrap();
        save(near.join("x"), &[("x", &matrix())], &[]).unwrap();
        assert!(near.join("x").is_symlink() && !far.join("x").is_symlink());
        assert_eq!(load(far.join("x")).unwrap().0.len(), 1);
        let socket = std::os::unix::net::UnixListener::bind(near.join("socket")).unwrap();
        assert!(save(near.join("socket"), &[("x", &matrix())], &[]).is_err(), "it is written to, and not replaced");
        assert!(near.join("socket").symlink_metadata().unwrap().file_type().is_socket());
        drop(socket);
        assert_eq!(std::fs::read_dir(&near).unwrap().count(), 2);
    }

    #[test]
    fn missing_files_and_folders_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("nowhere").join("x.safetensors");
        for error in
            [load(&missing).unwrap_err(), save(&missing, &[], &[]).unwrap_err(), load(folder.path()).unwrap_err()]
        {
            assert!(matches!(error.code(), ErrorCode::Io | ErrorCode::FileFormat));
            assert!(error.message().contains(&folder.path().display().to_string()), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_an_ordinary_file_and_links_stay() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (path, ordinary) = (folder.path().join("x"), folder.path().join("y"));
        std::fs::write(&ordinary, b"").unwrap();
        save(&path, &[], &[]).unwrap();
        assert_eq!(mode(&path), mode(&ordinary));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        save(&link, &[("x", &matrix())], &[]).unwrap();
        assert!(link.is_symlink());
        assert_eq!((mode(&path), load(&path).unwrap().0.len()), (0o640, 1));
    }
}

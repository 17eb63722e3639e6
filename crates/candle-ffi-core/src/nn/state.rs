//! Walks over a layer and the layers inside it: weights by name, modes, devices, files.

use super::Module;
use crate::autograd::GradMode;
use crate::{DType, Device, Error, ErrorCode, Result, Tensor, ops};
use std::path::Path;

/// A tensor with its name.
type Named = (String, Tensor);

/// Every parameter with its dotted name, in PyTorch's order.
pub fn named_parameters(module: &dyn Module) -> Vec<Named> {
    let mut found = Vec::new();
    collect(module, "", &own_parameters, &mut found);
    found
}

/// Every buffer with its dotted name, in PyTorch's order.
pub fn named_buffers(module: &dyn Module) -> Vec<Named> {
    let mut found = Vec::new();
    collect(module, "", &own_buffers, &mut found);
    found
}

/// Everything that is saved, by dotted name: of each layer its parameters, its buffers, then the layers inside.
pub fn state_dict(module: &dyn Module) -> Vec<Named> {
    let mut found = Vec::new();
    collect(module, "", &|module| [own_parameters(module), own_buffers(module)].concat(), &mut found);
    found
}

fn own_parameters(module: &dyn Module) -> Vec<Named> {
    module.parameters().into_iter().map(|(name, parameter)| (name.into_owned(), parameter.get())).collect()
}

fn own_buffers(module: &dyn Module) -> Vec<Named> {
    module.buffers().into_iter().map(|(name, buffer)| (name.into_owned(), buffer.get())).collect()
}

fn collect(module: &dyn Module, prefix: &str, own: &dyn Fn(&dyn Module) -> Vec<Named>, found: &mut Vec<Named>) {
    found.extend(own(module).into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
    for (name, child) in module.children() {
        collect(child.as_ref(), &format!("{prefix}{name}."), own, found);
    }
}

/// Puts a tensor in the place of a parameter, named as in [`named_parameters`].
pub fn set_parameter(module: &dyn Module, name: &str, tensor: &Tensor) -> Result<()> {
    match name.split_once('.') {
        Some((child, rest)) => {
            let children = module.children();
            let found = children.iter().find(|(at, _)| at == child).ok_or_else(|| unknown(module, name))?;
            set_parameter(found.1.as_ref(), rest, tensor)
        }
        None => {
            let parameters = module.parameters();
            let (_, parameter) = parameters.iter().find(|(at, _)| *at == name).ok_or_else(|| unknown(module, name))?;
            parameter.set(tensor)
        }
    }
}

fn unknown(module: &dyn Module, name: &str) -> Error {
    Error::argument(format!("{} has no parameter {name:?}", module.name()))
}

/// Switches a layer and all inside it between training and evaluation.
pub fn set_training(module: &dyn Module, training: bool) {
    module.set_training(training);
    for (_, child) in module.children() {
        set_training(child.as_ref(), training);
    }
}

/// Clears every parameter's gradient.
pub fn zero_grad(module: &dyn Module) -> Result<()> {
    named_parameters(module).iter().try_for_each(|(_, parameter)| parameter.set_grad(None))
}

/// Moves every parameter, its gradient, and every buffer, and converts those that are floating; they stay
/// the same tensors, so an optimizer goes on with them.
pub fn move_to(module: &dyn Module, device: Option<Device>, dtype: Option<DType>) -> Result<()> {
    if let Some(dtype) = dtype.filter(|dtype| !dtype.is_float()) {
        return Err(Error::dtype(
            format!("a module can only be converted to a floating dtype, not to {dtype}"),
            &[dtype],
        ));
    }
    let _mode = GradMode::new(false);
    let convert = |tensor: &Tensor| -> Result<Tensor> {
        let moved = ops::to_device(tensor, device.unwrap_or(tensor.device()))?;
        ops::to_dtype(&moved, dtype.filter(|_| tensor.dtype().is_float()).unwrap_or(tensor.dtype()))
    };
    // All conversions first: a failure leaves the module as it was.
    let converted = state_dict(module)
        .into_iter()
        .map(|(_, tensor)| {
            let grad = tensor.grad().as_ref().map(&convert).transpose()?;
            let data = convert(&tensor)?;
            Ok((tensor, data, grad))
        })
        .collect::<Result<Vec<_>>>()?;
    for (tensor, data, grad) in converted {
        tensor.set_data(&data)?;
        tensor.set_grad(grad.as_ref())?;
    }
    Ok(())
}

/// Copies values into the parameters and buffers by name. Everything that does not fit is listed in one error, and
/// then nothing has been changed. Without `strict`, missing and unexpected names are passed over.
pub fn load_state_dict(module: &dyn Module, entries: &[(&str, &Tensor)], strict: bool) -> Result<()> {
    let targets = state_dict(module);
    let mut problems = Vec::new();
    let names = |list: Vec<&str>| list.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    if strict {
        let has = |name: &str| entries.iter().any(|(entry, _)| *entry == name);
        let missing: Vec<_> = targets.iter().map(|(name, _)| name.as_str()).filter(|name| !has(name)).collect();
        let known = |name: &str| targets.iter().any(|(target, _)| target == name);
        let unexpected: Vec<_> = entries.iter().map(|(name, _)| *name).filter(|name| !known(name)).collect();
        if !missing.is_empty() {
            problems.push(format!("missing keys: {}", names(missing)));
        }
        if !unexpected.is_empty() {
            problems.push(format!("unexpected keys: {}", names(unexpected)));
        }
    }
    let mut copies = Vec::new();
    for (name, target) in &targets {
        let Some((_, source)) = entries.iter().find(|(entry, _)| entry == name) else { continue };
        if source.dims() == target.dims() {
            copies.push((target, *source));
        } else {
            problems.push(format!(
                "size mismatch for {name:?}: the module has {:?} and the state {:?}",
                target.dims(),
                source.dims()
            ));
        }
    }
    if !problems.is_empty() {
        let message = format!("the state does not fit {}: {}", module.name(), problems.join("; "));
        return Err(Error::new(ErrorCode::StateDict, message));
    }
    let _mode = GradMode::new(false);
    copies.into_iter().try_for_each(|(target, source)| ops::copy_(target, source))
}

/// Writes the state to a safetensors file, atomically.
pub fn save(module: &dyn Module, path: &Path) -> Result<()> {
    let state = state_dict(module);
    let entries: Vec<_> = state.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    crate::io::save(path, &entries, &[])
}

/// Reads the state from a safetensors file.
pub fn load(module: &dyn Module, path: &Path, strict: bool) -> Result<()> {
    let (tensors, _) = crate::io::load(path)?;
    let entries: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    load_state_dict(module, &entries, strict)
}

//! Layers made of layers.

use super::{Module, SharedModule};
use crate::{Error, ErrorCode, Result, Tensor};
use std::sync::{PoisonError, RwLock};

/// What a container does with the layers in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sequential,
    List,
    Dict,
}

/// Layers under names, which are added one by one.
pub struct Container {
    kind: Kind,
    layers: RwLock<Vec<(String, SharedModule)>>,
}

impl Container {
    /// Layers applied one after the other; an empty one is the identity. `torch.nn.Sequential`.
    pub fn sequential() -> Self {
        Self::of(Kind::Sequential)
    }

    /// Layers that stand in a list. `torch.nn.ModuleList`.
    pub fn list() -> Self {
        Self::of(Kind::List)
    }

    /// Layers under names of their own. `torch.nn.ModuleDict`.
    pub fn dict() -> Self {
        Self::of(Kind::Dict)
    }

    fn of(kind: Kind) -> Self {
        Self { kind, layers: RwLock::default() }
    }

    /// Adds a layer at the end; its name is its position.
    pub fn push(&self, module: SharedModule) {
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        let name = layers.len().to_string();
        layers.push((name, module));
    }

    /// Puts a layer under a name, in the place of the one that has it, or at the end.
    pub fn insert(&self, name: &str, module: SharedModule) -> Result<()> {
        if name.is_empty() || name.contains('.') {
            return Err(Error::argument(format!("the name of a module cannot be empty or have a dot: {name:?}")));
        }
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        let before = match layers.iter_mut().find(|(known, _)| known == name) {
            Some((_, place)) => Some(std::mem::replace(place, module)),
            None => {
                layers.push((name.to_owned(), module));
                None
            }
        };
        drop(layers);
        // Dropped outside the lock: its weights may be memory of others, who are told.
        drop(before);
        Ok(())
    }

    fn layers(&self) -> Vec<(String, SharedModule)> {
        self.layers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Module for Container {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Sequential => "Sequential",
            Kind::List => "ModuleList",
            Kind::Dict => "ModuleDict",
        }
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        if self.kind != Kind::Sequential {
            let message = format!("{} has no forward function; call the layers in it", self.name());
            return Err(Error::new(ErrorCode::Unsupported, message));
        }
        self.layers().iter().try_fold(input.clone(), |input, (_, layer)| layer.forward(&input))
    }

    fn children(&self) -> Vec<(String, SharedModule)> {
        self.layers()
    }
}

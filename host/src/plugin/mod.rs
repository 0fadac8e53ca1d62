//! All of WebAssembly that the host knows: nothing outside this folder names wasmtime. A file becomes a checked
//! [`Module`], and a module makes [`Instance`]s, which the worker knows only as a [`Guest`].

pub mod guest;

//! Generated from `wit/plugin.wit`: `guest` alone uses it, authors never see it.
#![allow(missing_docs, unsafe_code, reason = "generated")]

wit_bindgen::generate!({
    path: "../../wit",
    world: "batch-plugin",
    pub_export_macro: true,
});

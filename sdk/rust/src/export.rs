//! The one line that makes a type a module.

/// Makes a [`Plugin`](crate::Plugin) the module's: `wasmill_plugin::export!(Fraud);`, once in a crate. The module's name,
/// version and description are those of the crate's `Cargo.toml`. In a native build it only checks the type, so that
/// `cargo test` works as for any crate.
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        const _: () = {
            const fn is_a_plugin<P: $crate::Plugin>() {}
            is_a_plugin::<$plugin>();
        };

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the generated exports name their symbols")]
        const _: () = {
            struct Exported;

            impl $crate::guest::Exported for Exported {
                type Plugin = $plugin;
                const NAME: &str = ::std::env!("CARGO_PKG_NAME");
                const VERSION: &str = ::std::env!("CARGO_PKG_VERSION");
                const DESCRIPTION: &str = ::std::env!("CARGO_PKG_DESCRIPTION");

                fn instance<R>(work: impl FnOnce(&::std::cell::OnceCell<$crate::guest::Instance<$plugin>>) -> R) -> R {
                    ::std::thread_local! {
                        static INSTANCE: ::std::cell::OnceCell<$crate::guest::Instance<$plugin>> =
                            const { ::std::cell::OnceCell::new() };
                    }
                    INSTANCE.with(work)
                }
            }

            type Guest = $crate::guest::Guest<Exported>;
    $crate::bindings::export!(Guest with_types_in $crate::bindings);
        };
    };
}

#![forbid(unsafe_code)]
//! What the boundary between Envoy and WebAssembly costs: a filter that is called for everything and does nothing.
//!
//! `cargo xtask bench --envoy` builds it as it builds `authz-proxy-wasm` and measures both. Envoy calls into the
//! virtual machine for each new connection, each piece of data, each close and the end, for the library exports
//! all of these; every answer is that Envoy shall go on.

#[cfg(target_arch = "wasm32")]
mod contexts {
    use proxy_wasm::traits::{Context, RootContext, StreamContext};
    use proxy_wasm::types::ContextType;

    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|_| Box::new(Nothing));
    }}

    #[derive(Debug)]
    struct Nothing;

    impl Context for Nothing {}

    impl StreamContext for Nothing {}

    impl RootContext for Nothing {
        fn get_type(&self) -> Option<ContextType> {
            Some(ContextType::StreamContext)
        }

        fn create_stream_context(&self, _: u32) -> Option<Box<dyn StreamContext>> {
            Some(Box::new(Self))
        }
    }
}

-- The workload tcp-echo; HAProxy loads this once per thread.
require("tcp_authz")("authz", {
  policies = { "policies.yaml" },
  namespace = "foo",
  labels = { app = "tcp-echo" },
})

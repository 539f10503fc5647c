-- What HAProxy knows of a connection, and how an action decides it.
--
--   require("tcp_authz")(NAME, WORKLOAD)
--
-- registers the action `lua.NAME`, which sets txn.authz to 1 if the connection may pass. Behind it has to stand
-- `tcp-request content reject unless { var(txn.authz) -m int 1 }`, so that 0, an error of Lua and a variable that was never
-- set all reject.

local authz = require("authz")

-- Policies are read when HAProxy starts or reloads; what is wrong with them is an error, and a reload leaves the old ones.
local function read(path)
  local file = assert(io.open(path, "r"))
  local text = assert(file:read("a"))
  file:close()
  return { path, text }
end

-- What is not stated here is not known: a policy that asks for it denies. HAProxy's booleans come as 0 and 1.
local function facts(txn)
  local f = txn.f
  local known = { destination = f:dst(), destination_port = f:dst_port() }

  -- Behind a PROXY header the addresses are those of the header; `tcp-request connection` has kept the direct peer's.
  local has_header = f:fc_rcvd_proxy()
  if has_header == 1 then
    known.source = txn:get_var("sess.authz_source")
    known.remote = f:src()
  elseif has_header == 0 then
    known.source = f:src()
    known.remote = false
  end

  local is_tls = f:ssl_fc()
  if is_tls == 0 then
    known.transport = "plaintext"
  elseif is_tls == 1 then
    known.sni = f:ssl_fc_sni() or false
    local has_certificate = f:ssl_c_used()
    if has_certificate == 0 then
      known.transport = "tls"
    elseif has_certificate == 1 and f:ssl_c_verify() == 0 and f:ssl_c_err() == 0 and f:ssl_c_ca_err() == 0 then
      -- Only what was verified is an identity; with `verify optional` and `crt-ignore-err` other certificates come here too.
      known.transport = "mesh-mtls"
      known.certificate = f:ssl_c_der()
    end
  end
  return known
end

return function(name, workload)
  -- What has another name than one that `load` knows is an error there.
  local stated = { sources = {} }
  for key, value in pairs(workload) do
    if key ~= "policies" then
      stated[key] = value
    end
  end
  local paths = 0
  for _ in pairs(workload.policies) do
    paths = paths + 1
  end
  for at, path in ipairs(workload.policies) do
    stated.sources[at] = read(path)
  end
  if #stated.sources ~= paths then
    error("`policies` is a list of paths, and has a gap: behind it nothing would be read")
  end
  local authorizer = authz.load(stated)

  -- Which may be meant, and may be a slip in a namespace or label.
  local _, reason = authorizer:decide({})
  if reason == "no-policy" then
    core.Warning("lua." .. name .. ": no policy denies anybody at namespace `" .. workload.namespace .. "` with these labels")
  end

  core.register_action(name, { "tcp-req" }, function(txn)
    txn:set_var("txn.authz", 0)
    local verdict, reason, policy, rule = authorizer:decide(facts(txn))
    txn:set_var("txn.authz_verdict", verdict)
    txn:set_var("txn.authz_reason", reason)
    txn:set_var("txn.authz_policy", policy or "-")
    txn:set_var("txn.authz_rule", rule or "-")
    if verdict == "allow" then
      txn:set_var("txn.authz", 1)
    end
  end)
end

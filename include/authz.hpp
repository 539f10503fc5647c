// authz for C++17: the C interface of authz.h with owners that free what they own.
//
// Header-only; works without exceptions and RTTI. Owners can be moved and not copied; an owner that was moved from is
// empty, and calls with it deny. What can fail answers a `result`. Views (`std::string_view`) borrow as authz.h says:
// names in a decision from the authorizer, a finding's texts from its `findings`.
#ifndef AUTHZ_HPP
#define AUTHZ_HPP

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "authz.h"

namespace authz {

using status = ::authz_status;
using verdict = ::authz_verdict;
using reason = ::authz_reason;
using shadow = ::authz_shadow;
using severity = ::authz_severity;
using fact = ::authz_fact;
using fact_set = ::authz_fact_set;
using transport = ::authz_transport;
using location = ::authz_location;
using address = ::authz_address;

inline std::string_view view(authz_text text) noexcept { return {text.len == 0 ? "" : text.data, text.len}; }
inline authz_text text(std::string_view view) noexcept { return authz_text{view.data(), view.size()}; }

inline const char *name(status of) noexcept { return authz_status_name(of); }
inline const char *name(verdict of) noexcept { return authz_verdict_name(of); }
inline const char *name(reason of) noexcept { return authz_reason_name(of); }
inline const char *name(shadow of) noexcept { return authz_shadow_name(of); }
inline const char *name(severity of) noexcept { return authz_severity_name(of); }

// Whether the library that runs fits the header that this was compiled with.
inline bool abi_matches() noexcept { return authz_check_abi(AUTHZ_ABI) == AUTHZ_STATUS_OK; }

// A value, or the status that says why there is none.
template <class T>
class [[nodiscard]] result {
 public:
  result(authz::status status) noexcept : status_(status) {}
  result(T value) noexcept : status_(AUTHZ_STATUS_OK), value_(std::move(value)) {}

  explicit operator bool() const noexcept { return status_ == AUTHZ_STATUS_OK; }
  authz::status status() const noexcept { return status_; }
  // The value; an empty one, which denies, if there is none.
  T &operator*() & noexcept { return value_; }
  const T &operator*() const & noexcept { return value_; }
  T &&operator*() && noexcept { return std::move(value_); }
  T *operator->() noexcept { return &value_; }
  const T *operator->() const noexcept { return &value_; }

 private:
  authz::status status_;
  T value_{};
};

// Owns a handle of C.
template <class T, void (*Free)(T *)>
class owner {
 public:
  owner() noexcept = default;
  explicit owner(T *handle) noexcept : handle_(handle) {}
  owner(owner &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  owner &operator=(owner &&other) noexcept {
    if (this != &other) {
      Free(std::exchange(handle_, std::exchange(other.handle_, nullptr)));
    }
    return *this;
  }
  owner(const owner &) = delete;
  owner &operator=(const owner &) = delete;
  ~owner() { Free(handle_); }

  // The handle, for functions of authz.h; null if this is empty.
  T *get() const noexcept { return handle_; }
  explicit operator bool() const noexcept { return handle_ != nullptr; }

 private:
  T *handle_ = nullptr;
};

// Reads an address such as `10.0.0.7` or `2001:db8::7`.
inline result<address> parse_address(std::string_view written) noexcept {
  address parsed{};
  const authz::status outcome = authz_address_parse(text(written), &parsed);
  return outcome == AUTHZ_STATUS_OK ? result<address>(parsed) : result<address>(outcome);
}

// A text of the library's.
class string : public owner<authz_string, authz_string_free> {
 public:
  using owner::owner;
  std::string_view view() const noexcept { return authz::view(authz_string_text(get())); }
};

// One finding; views borrow from its `findings`.
class finding {
 public:
  explicit finding(const authz_finding &raw) noexcept : raw_(raw) {}
  authz::severity severity() const noexcept { return raw_.severity; }
  std::uint32_t line() const noexcept { return raw_.line; }
  std::uint32_t column() const noexcept { return raw_.column; }
  std::string_view code() const noexcept { return authz::view(raw_.code); }
  std::string_view source() const noexcept { return authz::view(raw_.source); }
  std::string_view resource() const noexcept { return authz::view(raw_.resource); }
  std::string_view path() const noexcept { return authz::view(raw_.path); }
  std::string_view message() const noexcept { return authz::view(raw_.message); }
  std::string_view help() const noexcept { return authz::view(raw_.help); }
  // All of it in one line.
  std::string_view text() const noexcept { return authz::view(raw_.text); }
  const authz_finding &raw() const noexcept { return raw_; }

 private:
  authz_finding raw_;
};

// What is to be said about texts that were loaded.
class findings : public owner<authz_findings, authz_findings_free> {
 public:
  using owner::owner;
  std::size_t size() const noexcept { return authz_findings_len(get()); }
  bool empty() const noexcept { return size() == 0; }
  // The finding at a place; an empty one past the end.
  finding operator[](std::size_t at) const noexcept {
    authz_finding raw{};
    (void)authz_findings_get(get(), at, &raw);
    return finding(raw);
  }
};

// What all policies of a mesh share. It keeps views: what they point to has to outlive the load.
class mesh {
 public:
  mesh &root_namespace(std::string_view name) noexcept { return raw_.root_namespace = text(name), *this; }
  mesh &trust_domain(std::string_view name) noexcept { return raw_.trust_domain = text(name), *this; }
  mesh &trust_domain_alias(std::string_view name) { return aliases_.push_back(text(name)), *this; }
  mesh &provider(std::string_view name, authz_provider_kind kind) {
    return providers_.push_back(authz_provider{text(name), kind, 0}), *this;
  }
  mesh &multiple_custom_providers(bool yes) noexcept { return raw_.multiple_custom_providers = yes, *this; }
  authz_mesh raw() const noexcept {
    authz_mesh raw = raw_;
    raw.size = sizeof raw;
    raw.trust_domain_aliases = aliases_.data();
    raw.trust_domain_aliases_len = aliases_.size();
    raw.providers = providers_.data();
    raw.providers_len = providers_.size();
    return raw;
  }

 private:
  authz_mesh raw_{};
  std::vector<authz_text> aliases_;
  std::vector<authz_provider> providers_;
};

// A text with policies and the name that findings call it by.
struct source {
  std::string_view name;
  std::string_view text;
};

// How policies are loaded; see authz_load_options.
inline authz_load_options load_options() noexcept {
  authz_load_options options{};
  options.size = sizeof options;
  return options;
}

// The workload that connections reach. It keeps views: what they point to has to outlive the call that takes it.
class workload {
 public:
  explicit workload(std::string_view namespace_name) noexcept : namespace_(text(namespace_name)) {}
  workload &label(std::string_view key, std::string_view value) {
    return labels_.push_back(authz_label{text(key), text(value)}), *this;
  }
  authz_workload raw() const noexcept { return {sizeof(authz_workload), namespace_, labels_.data(), labels_.size()}; }

 private:
  authz_text namespace_;
  std::vector<authz_label> labels_;
};

// An identity that was looked up before, for the connections of a TLS session.
class peer : public owner<authz_peer, authz_peer_free> {
 public:
  using owner::owner;
};

// The names that policies know the owner of a certificate by.
class peer_names : public owner<authz_peer_names, authz_peer_names_free> {
 public:
  using owner::owner;
  static result<peer_names> from_der(const std::uint8_t *der, std::size_t len) noexcept {
    authz_peer_names *made = nullptr;
    const authz::status outcome = authz_peer_names_from_der(der, len, &made);
    return outcome == AUTHZ_STATUS_OK ? result<peer_names>(peer_names(made)) : result<peer_names>(outcome);
  }
  std::size_t size() const noexcept { return authz_peer_names_len(get()); }
  const authz_text *data() const noexcept { return authz_peer_names_data(get()); }
  // The one at a place; an empty one past the end.
  std::string_view operator[](std::size_t at) const noexcept { return at < size() ? authz::view(data()[at]) : std::string_view(); }
};

// What is known of a connection; what is not stated is unknown. It keeps views and pointers, and allocates nothing.
class connection {
 public:
  connection() noexcept { raw_.size = sizeof raw_; }

  // The direct peer, who is the original client too unless `remote` says otherwise.
  connection &source(const address &from) noexcept {
    raw_.source = from;
    if (raw_.remote_fact == AUTHZ_FACT_UNKNOWN) {
      raw_.remote_fact = AUTHZ_FACT_ABSENT;
    }
    return *this;
  }
  connection &destination(const address &to, std::uint16_t port) noexcept {
    raw_.destination = to;
    raw_.destination_port = port;
    raw_.destination_port_fact = AUTHZ_FACT_KNOWN;
    return *this;
  }
  // The original client, as a trusted proxy states it.
  connection &remote(const address &from) noexcept {
    raw_.remote = from;
    raw_.remote_fact = AUTHZ_FACT_KNOWN;
    return *this;
  }
  // Nobody knows yet who the original client is.
  connection &remote_unknown() noexcept {
    raw_.remote = {};
    raw_.remote_fact = AUTHZ_FACT_UNKNOWN;
    return *this;
  }
  connection &plaintext() noexcept { return without_identity(AUTHZ_TRANSPORT_PLAINTEXT).without_sni(); }
  // TLS that is not the mesh's.
  connection &tls() noexcept { return without_identity(AUTHZ_TRANSPORT_TLS); }
  // Mesh mTLS, and nobody knows yet with whom.
  connection &mesh_mtls() noexcept {
    (void)without_identity(AUTHZ_TRANSPORT_MESH_MTLS);
    raw_.peer_fact = AUTHZ_FACT_UNKNOWN;
    return *this;
  }
  // Mesh mTLS, and the names of the peer: all URI SANs of its certificate. See `uri_sans` in authz.h for one that has
  // none. A null `uri_sans` is an error that denies.
  connection &principals(const authz_text *uri_sans, std::size_t len) noexcept {
    (void)mesh_mtls();
    raw_.peer_fact = AUTHZ_FACT_KNOWN;
    raw_.uri_sans = uri_sans;
    raw_.uri_sans_len = len;
    return *this;
  }
  // An empty `peer_names`, such as that of a certificate that could not be read, leaves the identity unknown.
  connection &principals(const peer_names &list) noexcept {
    return list ? principals(list.data(), list.size()) : mesh_mtls();
  }
  // Mesh mTLS with a certificate that has no name whatever.
  connection &without_principals() noexcept {
    (void)mesh_mtls();
    raw_.peer_fact = AUTHZ_FACT_ABSENT;
    return *this;
  }
  // Mesh mTLS with a peer that was looked up before. An empty `peer` leaves the identity unknown.
  connection &peer(const authz::peer &peer) noexcept {
    (void)mesh_mtls();
    if (peer) {
      raw_.peer_fact = AUTHZ_FACT_KNOWN;
      raw_.peer = peer.get();
    }
    return *this;
  }
  connection &sni(std::string_view name) noexcept {
    raw_.sni_fact = AUTHZ_FACT_KNOWN;
    raw_.sni = text(name);
    return *this;
  }
  connection &without_sni() noexcept {
    raw_.sni_fact = AUTHZ_FACT_ABSENT;
    raw_.sni = {};
    return *this;
  }
  connection &metadata(const authz_metadata *pieces, std::size_t len) noexcept {
    raw_.metadata_fact = AUTHZ_FACT_KNOWN;
    raw_.metadata = pieces;
    raw_.metadata_len = len;
    return *this;
  }
  connection &without_metadata() noexcept {
    (void)metadata(nullptr, 0);
    raw_.metadata_fact = AUTHZ_FACT_ABSENT;
    return *this;
  }
  const authz_connection &raw() const noexcept { return raw_; }

 private:
  connection &without_identity(authz::transport over) noexcept {
    raw_.transport = over;
    raw_.peer_fact = AUTHZ_FACT_ABSENT;
    raw_.uri_sans = nullptr;
    raw_.uri_sans_len = 0;
    raw_.peer = nullptr;
    return *this;
  }

  authz_connection raw_{};
};

// What becomes of a connection. Empty it denies. Names borrow from the authorizer that decided.
class [[nodiscard]] decision {
 public:
  decision() noexcept = default;
  decision(authz::status status, const authz_decision &raw) noexcept : status_(status), raw_(raw) {}

  bool allows() const noexcept { return status_ == AUTHZ_STATUS_OK && raw_.verdict == AUTHZ_VERDICT_ALLOW; }
  // Whether nothing that becomes known later can change it; for `decide_early`.
  bool is_final() const noexcept { return status_ == AUTHZ_STATUS_OK && raw_.needs == 0; }
  authz::status status() const noexcept { return status_; }
  authz::verdict verdict() const noexcept { return allows() ? AUTHZ_VERDICT_ALLOW : AUTHZ_VERDICT_DENY; }
  authz::reason reason() const noexcept { return raw_.reason; }
  fact_set needs() const noexcept { return raw_.needs; }
  std::string_view policy_namespace() const noexcept { return view(authz_policy_namespace(authz_decision_policy(&raw_))); }
  std::string_view policy_name() const noexcept { return view(authz_policy_name(authz_decision_policy(&raw_))); }
  // The place of the deciding rule in its policy; UINT32_MAX where none did.
  std::uint32_t rule() const noexcept { return authz_rule_index(raw_.rule); }
  std::string_view provider() const noexcept { return view(raw_.provider); }
  authz::shadow if_enforced() const noexcept { return raw_.if_enforced; }
  const authz_decision &raw() const noexcept { return raw_; }

 private:
  authz::status status_ = AUTHZ_STATUS_POINTER;
  authz_decision raw_{};
};

class policy_set;

// The policies of a workload, compiled. Threads may share it.
class authorizer : public owner<authz_authorizer, authz_authorizer_free> {
 public:
  using owner::owner;
  // Another owner of the same authorizer.
  authorizer clone() const noexcept { return authorizer(authz_authorizer_clone(get())); }
  fact_set reads() const noexcept { return authz_authorizer_reads(get()); }
  authz::decision decide(const connection &connection) const noexcept {
    authz_decision raw{};
    const authz::status outcome = authz_decide(get(), &connection.raw(), &raw);
    return {outcome, raw};
  }
  authz::decision decide_early(const connection &connection) const noexcept {
    authz_decision raw{};
    const authz::status outcome = authz_decide_early(get(), &connection.raw(), &raw);
    return {outcome, raw};
  }
  authz::decision decide(const connection &connection, const authz_provider_answer *answers, std::size_t len) const noexcept {
    authz_decision raw{};
    const authz::status outcome = authz_decide_answered(get(), &connection.raw(), answers, len, &raw);
    return {outcome, raw};
  }
  bool allows(const connection &connection) const noexcept { return authz_allows(get(), &connection.raw()); }
  result<authz::peer> peer(const authz_text *uri_sans, std::size_t len) const noexcept {
    authz_peer *made = nullptr;
    const authz::status outcome = authz_peer_new(get(), uri_sans, len, &made);
    return outcome == AUTHZ_STATUS_OK ? result<authz::peer>(authz::peer(made)) : result<authz::peer>(outcome);
  }
  result<authz::peer> peer(const peer_names &list) const noexcept { return peer(list.data(), list.size()); }
  result<string> explain(const connection &connection) const noexcept { return explained(connection, authz_explain); }
  result<string> explain_json(const connection &connection) const noexcept { return explained(connection, authz_explain_json); }

 private:
  template <class Explain>
  result<string> explained(const connection &connection, Explain how) const noexcept {
    authz_string *made = nullptr;
    const authz::status outcome = how(get(), &connection.raw(), &made);
    return outcome == AUTHZ_STATUS_OK ? result<string>(string(made)) : result<string>(outcome);
  }
};

// Policies that were read and understood.
class policy_set : public owner<authz_policy_set, authz_policy_set_free> {
 public:
  using owner::owner;

  // What a load gave: policies or the status that says why there are none, and what is to be said about the texts.
  struct loaded;

  static loaded from_yaml(std::string_view text, const mesh &mesh = {});
  static loaded load(const source *sources, std::size_t len, const mesh &mesh = {},
                     const authz_load_options &options = load_options());
  static loaded load(std::initializer_list<source> sources, const mesh &mesh = {},
                     const authz_load_options &options = load_options());

  std::size_t size() const noexcept { return authz_policy_set_len(get()); }
  result<authorizer> authorizer_for(const workload &workload) const noexcept {
    authz_workload raw = workload.raw();
    authz_authorizer *made = nullptr;
    const authz::status outcome = authz_authorizer_new(get(), &raw, &made);
    return outcome == AUTHZ_STATUS_OK ? result<authorizer>(authorizer(made)) : result<authorizer>(outcome);
  }
};

struct [[nodiscard]] policy_set::loaded {
  result<policy_set> policies;
  authz::findings findings;
};

inline policy_set::loaded policy_set::load(const source *sources, std::size_t len, const mesh &mesh,
                                           const authz_load_options &options) {
  std::vector<authz_source> raw;
  raw.reserve(len);
  for (std::size_t i = 0; i < len; i++) {
    raw.push_back(authz_source{authz::text(sources[i].name), authz::text(sources[i].text)});
  }
  const authz_mesh raw_mesh = mesh.raw();
  authz_policy_set *policies = nullptr;
  authz_findings *found = nullptr;
  const authz::status outcome = authz_policy_set_load(raw.data(), raw.size(), &raw_mesh, &options, &policies, &found);
  return {outcome == AUTHZ_STATUS_OK ? result<policy_set>(policy_set(policies)) : result<policy_set>(outcome),
          authz::findings(found)};
}

inline policy_set::loaded policy_set::load(std::initializer_list<source> sources, const mesh &mesh,
                                           const authz_load_options &options) {
  return load(sources.begin(), sources.size(), mesh, options);
}

inline policy_set::loaded policy_set::from_yaml(std::string_view text, const mesh &mesh) {
  return load({source{"<text>", text}}, mesh);
}

// A place for an authorizer that threads read while another replaces it.
class slot : public owner<authz_slot, authz_slot_free> {
 public:
  using owner::owner;

  // A decision, and an owner of the authorizer that its names borrow from.
  struct kept {
    authorizer by;
    authz::decision decision;
  };

  static result<slot> make(const authorizer &first) noexcept {
    authz_slot *made = nullptr;
    const authz::status outcome = authz_slot_new(first.get(), &made);
    return outcome == AUTHZ_STATUS_OK ? result<slot>(slot(made)) : result<slot>(outcome);
  }
  [[nodiscard]] status replace(const authorizer &next) const noexcept { return authz_slot_replace(get(), next.get()); }
  authorizer load() const noexcept { return authorizer(authz_slot_load(get())); }
  bool allows(const connection &connection) const noexcept { return authz_slot_allows(get(), &connection.raw()); }
  kept decide(const connection &connection) const noexcept { return decided(connection, authz_slot_decide); }
  kept decide_early(const connection &connection) const noexcept { return decided(connection, authz_slot_decide_early); }

 private:
  template <class Decide>
  kept decided(const connection &connection, Decide how) const noexcept {
    authz_decision raw{};
    authz_authorizer *by = nullptr;
    const authz::status outcome = how(get(), &connection.raw(), &raw, &by);
    return {authorizer(by), authz::decision(outcome, raw)};
  }
};

}  // namespace authz

#endif  // AUTHZ_HPP

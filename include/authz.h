/*
 * authz: decides whether a TCP connection may pass, with the semantics of Istio's AuthorizationPolicy and
 * PeerAuthentication, and says why. `man 3 authz` and the README of authz-ffi show whole programs; `authz.hpp` wraps
 * this header for C++17.
 *
 * These rules hold for every function and are not repeated below:
 *
 * Deny is zero.   A zeroed decision denies, a zeroed connection is refused. Every function that fills a decision
 *                 writes a denial first, so that after any failure the output denies or is NULL.
 * Results.        Functions that can fail answer an `authz_status`; 0 is AUTHZ_STATUS_OK.
 * Pointers.       A pointer that has to point to something may be NULL: the call then answers
 *                 AUTHZ_STATUS_POINTER. Any other pointer has to be good. Inputs are read during the call only and
 *                 must not change meanwhile. Outputs are written and never read, so they need not be initialised;
 *                 they must not overlap inputs or each other.
 * Ownership.      What a `_new`, `_load`, `_from_…` or `_clone` function gives belongs to the caller, who calls the
 *                 `_free` function of its type once; NULL is fine there. So do the findings of a load, which are
 *                 there after failures too. Everything else is borrowed: comments say from what.
 * Text.           Pointer and length, UTF-8, without a zero byte at the end. Only the `_name` functions and
 *                 `authz_version` answer C strings.
 * Structs.        Those that the caller fills and that start with `size` are zeroed first, then `size` is set to
 *                 their sizeof. A library that is older than the header refuses what it does not know and is not
 *                 zero. Structs in arrays and structs that the library fills do not grow within one AUTHZ_ABI.
 * Numbers.        Enumerators in structs of the caller are `uint32_t`; unknown ones are AUTHZ_STATUS_NUMBER.
 * Threads.        Handles do not change once they are made, but for what an authz_slot holds, so all threads may use
 *                 them at once, a slot too. A thread uses only handles that somebody keeps from being freed
 *                 meanwhile: the last `_free` of an authorizer, and the `_free` of any other handle, comes when no
 *                 thread uses it any more. (ThreadSanitizer does not see the library's own synchronisation: give it
 *                 `called_from_lib:libauthz.so` as a suppression.) Not for signal handlers.
 * Fork.           The library has no threads, locks or signal handlers, and no state outside of its handles but a list
 *                 of the threads that read an authz_slot. A child uses what its parent loaded.
 * Panics.         A bug in the library ends in AUTHZ_STATUS_PANIC for that call alone and leaves a denial; functions
 *                 without status then answer what denies: false, 0, NULL. Memory that runs out ends the process.
 */

#ifndef AUTHZ_H
#define AUTHZ_H

/* Made from the Rust sources by cbindgen; `UPDATE_HEADER=1 cargo test -p authz-ffi` writes it anew. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * The binary interface that this header describes. It is the number in the name of the shared library, and grows
 * when a program that was compiled before would misunderstand the library.
 */
#define AUTHZ_ABI 0

/**
 * The first part of the version that this header came with.
 */
#define AUTHZ_VERSION_MAJOR 0

/**
 * The second part.
 */
#define AUTHZ_VERSION_MINOR 1

/**
 * The third part.
 */
#define AUTHZ_VERSION_PATCH 0

/**
 * What became of a call. Every status but `AUTHZ_STATUS_OK` leaves a denial, NULL, or zeroes in the output. The findings of
 * a load are the exception: they are there, and to be freed, after any status.
 *
 * Numbers are never used again for something else; new ones are added at the end.
 */
enum authz_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * It was done, and the output holds the answer.
   */
  AUTHZ_STATUS_OK = 0,
  /**
   * A pointer is NULL, or not aligned for its type, where it has to point to something.
   */
  AUTHZ_STATUS_POINTER = 1,
  /**
   * A struct says that it is smaller than in the first release, larger than 4096 bytes, or says something in a
   * part that this version of the library does not know.
   */
  AUTHZ_STATUS_SIZE = 2,
  /**
   * A number has no meaning where it stands: an unknown enumerator, a switch other than 0 and 1, a port past
   * 65535, a `reserved` other than 0.
   */
  AUTHZ_STATUS_NUMBER = 3,
  /**
   * A text of the configuration is not UTF-8. (Facts of a connection that are not UTF-8 count as unknown.)
   */
  AUTHZ_STATUS_UTF8 = 4,
  /**
   * An address is neither 4 nor 16 bytes long, or a text is no address.
   */
  AUTHZ_STATUS_ADDRESS = 5,
  /**
   * More than a call takes: see `authz_connection` for its bounds.
   */
  AUTHZ_STATUS_TOO_MANY = 6,
  /**
   * Two statements that do not go together, such as the identity of a peer that came in plaintext, a value of
   * a fact that is not stated to be known, or the same label or metadata twice.
   */
  AUTHZ_STATUS_CONTRADICTION = 7,
  /**
   * A text that says something is empty: the namespace of a workload, the key of a label, a provider's name.
   */
  AUTHZ_STATUS_EMPTY = 8,
  /**
   * The policies do not load; the findings say why.
   */
  AUTHZ_STATUS_LOAD = 9,
  /**
   * The texts load and hold no policy; `authz_load_options.allow_empty` takes that for an answer.
   */
  AUTHZ_STATUS_NO_POLICIES = 10,
  /**
   * An index past the end.
   */
  AUTHZ_STATUS_RANGE = 11,
  /**
   * The certificate cannot be read, or has no URI SAN and another name that a rule could take for an identity.
   */
  AUTHZ_STATUS_CERTIFICATE = 12,
  /**
   * The library was built without this part.
   */
  AUTHZ_STATUS_UNSUPPORTED = 13,
  /**
   * The library has another binary interface than the header that the program was compiled with.
   */
  AUTHZ_STATUS_ABI = 14,
  /**
   * The library has a bug: this call panicked and has no effect beyond the denial in its output. A line on
   * standard error says where. Other calls and handles are not affected.
   */
  AUTHZ_STATUS_PANIC = 15,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum authz_status authz_status;
#else
typedef uint32_t authz_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How much a finding weighs.
 */
enum authz_severity
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Worth knowing; nothing is wrong.
   */
  AUTHZ_SEVERITY_NOTE = 0,
  /**
   * Accepted, and probably not what was meant.
   */
  AUTHZ_SEVERITY_WARNING = 1,
  /**
   * Not accepted: a strict load fails.
   */
  AUTHZ_SEVERITY_ERROR = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum authz_severity authz_severity;
#else
typedef uint32_t authz_severity;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What happens to a connection. Zero denies.
 */
enum authz_verdict
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * It is closed.
   */
  AUTHZ_VERDICT_DENY = 0,
  /**
   * It passes.
   */
  AUTHZ_VERDICT_ALLOW = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum authz_verdict authz_verdict;
#else
typedef uint32_t authz_verdict;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why. The verdict follows from it: only `AUTHZ_REASON_ALLOW_POLICY` and `AUTHZ_REASON_NO_POLICY` allow.
 */
enum authz_reason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Nothing was decided: the call failed, and its status says why.
   */
  AUTHZ_REASON_NONE = 0,
  /**
   * The port takes mesh mTLS only, and the connection is not.
   */
  AUTHZ_REASON_STRICT_MTLS = 1,
  /**
   * The port does not terminate TLS, so a mesh mTLS client cannot talk to it.
   */
  AUTHZ_REASON_TLS_NOT_TERMINATED = 2,
  /**
   * A CUSTOM rule matches whose provider is undefined, or one of several.
   */
  AUTHZ_REASON_CUSTOM_MISCONFIGURED = 3,
  /**
   * A CUSTOM rule matches. If `provider` is not empty, it has to be asked: see `authz_decide_answered`. If it is empty,
   * a provider has refused, or `authz_slot_decide` was called without `owner`.
   */
  AUTHZ_REASON_CUSTOM_PROVIDER = 4,
  /**
   * A DENY rule matches.
   */
  AUTHZ_REASON_DENY_POLICY = 5,
  /**
   * An ALLOW rule matches, and no DENY rule.
   */
  AUTHZ_REASON_ALLOW_POLICY = 6,
  /**
   * No ALLOW policy applies, and no DENY rule matches.
   */
  AUTHZ_REASON_NO_POLICY = 7,
  /**
   * ALLOW policies apply, and none of their rules matches.
   */
  AUTHZ_REASON_NO_ALLOW_MATCH = 8,
  /**
   * It depends on facts that are not known: those in `needs`.
   */
  AUTHZ_REASON_UNKNOWN_FACT = 9,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum authz_reason authz_reason;
#else
typedef uint32_t authz_reason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What dry-run policies say, which never changes a verdict.
 */
enum authz_shadow
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * There are no such policies.
   */
  AUTHZ_SHADOW_NOT_CONFIGURED = 0,
  /**
   * They would allow it.
   */
  AUTHZ_SHADOW_ALLOWED = 1,
  /**
   * They would deny it.
   */
  AUTHZ_SHADOW_DENIED = 2,
  /**
   * It depends on facts that are not known.
   */
  AUTHZ_SHADOW_UNKNOWN = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum authz_shadow authz_shadow;
#else
typedef uint32_t authz_shadow;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a provider says of a connection. Zero denies.
 */
enum authz_answer
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * It refuses, or could not be asked and does not fail open.
   */
  AUTHZ_ANSWER_DENY = 0,
  /**
   * It allows, or could not be asked and fails open. The other policies still have their say.
   */
  AUTHZ_ANSWER_ALLOW = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum authz_answer authz_answer;
#else
typedef uint32_t authz_answer;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a host knows of one thing. Zero is `AUTHZ_FACT_UNKNOWN`: what nobody stated is not known, and a connection
 * that depends on it is denied.
 */
enum authz_fact
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Not known, or not known yet.
   */
  AUTHZ_FACT_UNKNOWN = 0,
  /**
   * Known not to be there, such as the server name of a client that sent none.
   */
  AUTHZ_FACT_ABSENT = 1,
  /**
   * Known; the value stands beside it.
   */
  AUTHZ_FACT_KNOWN = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum authz_fact authz_fact;
#else
typedef uint32_t authz_fact;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What form the value of a piece of metadata has. Zero is none, and an error.
 */
enum authz_metadata_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * A string: exactly one value.
   */
  AUTHZ_METADATA_KIND_TEXT = 1,
  /**
   * A list of strings: any number of values.
   */
  AUTHZ_METADATA_KIND_LIST = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum authz_metadata_kind authz_metadata_kind;
#else
typedef uint32_t authz_metadata_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The data plane whose meaning policies get.
 */
enum authz_profile
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Istio's Envoy sidecar.
   */
  AUTHZ_PROFILE_SIDECAR = 0,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum authz_profile authz_profile;
#else
typedef uint32_t authz_profile;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How an extension provider is asked. Zero is no kind, and an error.
 */
enum authz_provider_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Envoy's gRPC external authorization, which can judge a TCP connection.
   */
  AUTHZ_PROVIDER_KIND_GRPC = 1,
  /**
   * HTTP external authorization, which has no form for TCP: its policies have no effect there.
   */
  AUTHZ_PROVIDER_KIND_HTTP = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum authz_provider_kind authz_provider_kind;
#else
typedef uint32_t authz_provider_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How the bytes of a connection are protected on the way to the workload.
 */
enum authz_transport
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Not known yet, such as before the first bytes of the client.
   */
  AUTHZ_TRANSPORT_UNKNOWN = 0,
  /**
   * No TLS.
   */
  AUTHZ_TRANSPORT_PLAINTEXT = 1,
  /**
   * TLS that is not the mesh's: passed through, or terminated without a verified certificate of a client of
   * the mesh. There is no identity.
   */
  AUTHZ_TRANSPORT_TLS = 2,
  /**
   * Mutual TLS with a verified client certificate of the mesh, terminated in front of the workload.
   */
  AUTHZ_TRANSPORT_MESH_MTLS = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum authz_transport authz_transport;
#else
typedef uint32_t authz_transport;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The policies of one workload, compiled. It decides connections.
 *
 * It does not change, so any number of threads may use it at once, and processes after a `fork`. It has owners:
 * `authz_authorizer_new` gives the first, `authz_authorizer_clone` and `authz_slot_load` another each, and each calls
 * `authz_authorizer_free` once. Decisions point into it. To change policies, make a new one; `authz_slot` puts it in the
 * place of the old one while threads decide.
 */
typedef struct authz_authorizer authz_authorizer;

/**
 * Everything that is to be said about the texts of a load, in the order of the texts.
 *
 * Owned by the caller, who frees it with `authz_findings_free`, whatever became of the policies. It does not change,
 * so threads may share it.
 */
typedef struct authz_findings authz_findings;

/**
 * The identity of a peer, looked up once for the connections of a TLS session: `authz_connection.peer`.
 *
 * Owned by the caller, who frees it with `authz_peer_free` after the last call that reads it. It keeps copies of what it
 * was made from and outlives the authorizer: for another authorizer, such as the next one of an `authz_slot`, it says
 * the same and saves less. It does not change, so threads may share it.
 */
typedef struct authz_peer authz_peer;

/**
 * The names that policies know the owner of a certificate by.
 *
 * Owned by the caller, who frees it with `authz_peer_names_free`; it holds copies and does not need the certificate. It does
 * not change, so threads may share it.
 */
typedef struct authz_peer_names authz_peer_names;

/**
 * A policy that a decision names.
 *
 * Borrowed from the authorizer that decided: good until its last owner frees it. Threads may share it.
 */
typedef struct authz_policy authz_policy;

/**
 * Policies that were read and understood.
 *
 * Owned by the caller, who frees it with `authz_policy_set_free`; authorizers made from it do not need it any more.
 * It does not change, so threads may share it.
 */
typedef struct authz_policy_set authz_policy_set;

/**
 * A rule that a decision names.
 *
 * Borrowed from the authorizer that decided: good until its last owner frees it. Threads may share it.
 */
typedef struct authz_rule authz_rule;

/**
 * A place that always holds an authorizer: any number of threads may decide with it and put new ones in its place at
 * once. Every call sees either the old one or the new one, whole.
 *
 * Owned by the caller, who frees it with `authz_slot_free` when no thread uses it any more. Reading takes no lock and waits
 * for nobody; the first read of a thread allocates a few hundred bytes, and no other does. They are used again by threads
 * that start after it ended, and kept until the process ends: leak checkers call them still reachable.
 * An authorizer that was replaced is freed by whoever is the last to use it, which can be a thread that reads.
 */
typedef struct authz_slot authz_slot;

/**
 * A text that the library made, such as an explanation.
 *
 * Owned by the caller, who frees it with `authz_string_free`. It does not change, so threads may share it.
 */
typedef struct authz_string authz_string;

/**
 * A stretch of text: where it starts and how many bytes it has. It is UTF-8 and does not end with a zero byte.
 *
 * Printed with `printf("%.*s", (int)text.len, text.data)`. Length 0 is the empty text, whatever `data` is.
 *
 * As an input it is only read during the call. As an output it is borrowed: the comment of the function or field
 * says from what, and it must not be read after its owner was freed.
 */
typedef struct authz_text {
  /**
   * The first byte; may be NULL in an input if `len` is 0, and never is in what the library hands out.
   */
  const char *data;
  /**
   * The number of bytes.
   */
  size_t len;
} authz_text;

/**
 * One thing to be said about a text. All texts are borrowed from the `authz_findings`.
 */
typedef struct authz_finding {
  /**
   * How much it weighs.
   */
  authz_severity severity;
  /**
   * The line of its first character, from 1; 0 where the place is not known.
   */
  uint32_t line;
  /**
   * The column of its first character, in characters, from 1.
   */
  uint32_t column;
  /**
   * The line just behind its last character.
   */
  uint32_t end_line;
  /**
   * The column just behind its last character.
   */
  uint32_t end_column;
  /**
   * Zero.
   */
  uint32_t reserved;
  /**
   * The stable name of its kind, such as `bad-ip-block`.
   */
  struct authz_text code;
  /**
   * The name of the source it is in.
   */
  struct authz_text source;
  /**
   * The resource, as `namespace/name`; empty where it is about the text itself.
   */
  struct authz_text resource;
  /**
   * The field, as in `spec.rules[0].to[1].operation.ports[0]`; empty where it is about the whole resource.
   */
  struct authz_text path;
  /**
   * What is the matter.
   */
  struct authz_text message;
  /**
   * What to write instead, where the message does not say it already; else empty.
   */
  struct authz_text help;
  /**
   * All of it in one line, as a log wants it: `policies.yaml:8:27: error[bad-ip-block]: shop/web: …`.
   */
  struct authz_text text;
} authz_finding;

/**
 * A text with policies, and the name that findings and decisions call it by.
 */
typedef struct authz_source {
  /**
   * The name, usually a path.
   */
  struct authz_text name;
  /**
   * YAML, of one or more documents, or JSON. Resources of other kinds are passed over.
   */
  struct authz_text text;
} authz_source;

/**
 * An extension provider that CUSTOM policies may name.
 */
typedef struct authz_provider {
  /**
   * The name, as policies spell it.
   */
  struct authz_text name;
  /**
   * An `authz_provider_kind`.
   */
  uint32_t kind;
  /**
   * Zero.
   */
  uint32_t reserved;
} authz_provider;

/**
 * What all policies of a mesh share. NULL in its place, and each part that is left zero, means Istio's default.
 *
 * Owned by the caller and only read during the call.
 */
typedef struct authz_mesh {
  /**
   * `sizeof(authz_mesh)`.
   */
  size_t size;
  /**
   * Policies in this namespace hold for the whole mesh; empty: `istio-system`.
   */
  struct authz_text root_namespace;
  /**
   * The trust domain of the mesh; empty: `cluster.local`.
   */
  struct authz_text trust_domain;
  /**
   * Further trust domains whose identities count as the mesh's own.
   */
  const struct authz_text *trust_domain_aliases;
  /**
   * How many they are.
   */
  size_t trust_domain_aliases_len;
  /**
   * The extension providers; what a CUSTOM policy asks of any other is denied.
   */
  const struct authz_provider *providers;
  /**
   * How many they are.
   */
  size_t providers_len;
  /**
   * 1 if a workload may have several providers (Istio's `PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS`), else 0.
   */
  uint32_t multiple_custom_providers;
  /**
   * Zero.
   */
  uint32_t reserved;
} authz_mesh;

/**
 * How policies are loaded. NULL in its place, and each part that is left zero, means the default.
 *
 * Owned by the caller and only read during the call.
 */
typedef struct authz_load_options {
  /**
   * `sizeof(authz_load_options)`.
   */
  size_t size;
  /**
   * An `authz_profile`.
   */
  uint32_t profile;
  /**
   * 0: anything that cannot be read fails the load. 1: the load goes on without it, in the one direction that
   * is safe: an unreadable ALLOW rule matches nothing, an unreadable part of a DENY rule counts as not asked for,
   * an unreadable PeerAuthentication as STRICT. Text that is no YAML fails either way.
   */
  uint32_t lenient;
  /**
   * 1 if texts without any AuthorizationPolicy or PeerAuthentication are meant, so that everything is allowed;
   * with 0 they are `AUTHZ_STATUS_NO_POLICIES`, because a wrong path must not read as "allowed". An empty
   * `kind: List` is an answer without it.
   */
  uint32_t allow_empty;
  /**
   * Zero.
   */
  uint32_t reserved;
  /**
   * Most bytes of text; 0: 64 MiB. This bound and those below hold for all texts together.
   */
  size_t max_bytes;
  /**
   * Most YAML documents; 0: 100,000.
   */
  size_t max_documents;
  /**
   * How deep mappings and lists may stand in each other; 0: 64.
   */
  size_t max_nesting;
  /**
   * Most nodes that anchors keep and aliases repeat; 0: 100,000.
   */
  size_t max_alias_nodes;
  /**
   * Most scalars, lists and mappings; 0: 16,000,000.
   */
  size_t max_nodes;
  /**
   * Most rules; 0: 1,000,000.
   */
  size_t max_rules;
  /**
   * Most findings that are kept; 0: 10,000.
   */
  size_t max_findings;
  /**
   * Bytes that what is compiled for one workload should take beside the policies, an aim and no bound;
   * 0: 64 MiB.
   */
  size_t index_bytes;
} authz_load_options;

/**
 * A set of facts, one bit each: `AUTHZ_FACT_SET_SOURCE_IP` and the others.
 */
typedef uint32_t authz_fact_set;

/**
 * A label of a workload.
 */
typedef struct authz_label {
  /**
   * The key.
   */
  struct authz_text key;
  /**
   * The value; may be empty.
   */
  struct authz_text value;
} authz_label;

/**
 * The workload that connections reach: its namespace and its labels, by which policies select it.
 *
 * Owned by the caller and only read during the call.
 */
typedef struct authz_workload {
  /**
   * `sizeof(authz_workload)`.
   */
  size_t size;
  /**
   * The namespace; an empty one is an error.
   */
  struct authz_text namespace_name;
  /**
   * The labels, each key once.
   */
  const struct authz_label *labels;
  /**
   * How many they are.
   */
  size_t labels_len;
} authz_workload;

/**
 * An address: 4 bytes of IPv4 or 16 bytes of IPv6, in network order, as `sin_addr` and `sin6_addr` hold them.
 *
 * Zeroed it is unknown. An IPv4-mapped IPv6 address counts as the IPv4 address that it maps.
 */
typedef struct authz_address {
  /**
   * The bytes, the first `len` of which count.
   */
  uint8_t bytes[16];
  /**
   * 4 or 16; 0 if the address is not known.
   */
  uint32_t len;
} authz_address;

/**
 * One value that the host knows, as `experimental.envoy.filters.FILTER[KEY]` conditions read it.
 */
typedef struct authz_metadata {
  /**
   * The metadata namespace: `envoy.filters.network.mysql_proxy`.
   */
  struct authz_text filter;
  /**
   * The key.
   */
  struct authz_text key;
  /**
   * The value or values.
   */
  const struct authz_text *values;
  /**
   * How many they are.
   */
  size_t values_len;
  /**
   * An `authz_metadata_kind`.
   */
  uint32_t kind;
  /**
   * Zero.
   */
  uint32_t reserved;
} authz_metadata;

/**
 * What is known of a connection.
 *
 * Start with zeroes and the size, `authz_connection connection = {.size = sizeof connection};`, then state what is
 * known.
 *
 * What is left zero is unknown, and a connection is denied if a rule that may decide reads an unknown fact. A
 * struct without its size is an error that denies. A value whose fact does not say `AUTHZ_FACT_KNOWN` is an error
 * too: `AUTHZ_STATUS_CONTRADICTION`. Text that is not UTF-8 makes its fact unknown.
 *
 * Owned by the caller and only read during the call; pointers in it have to be good for no longer.
 */
typedef struct authz_connection {
  /**
   * `sizeof(authz_connection)`.
   */
  size_t size;
  /**
   * The direct peer of the TCP connection: `source.ip`, `ipBlocks`.
   */
  struct authz_address source;
  /**
   * The workload's own address, not that of a Service in front of it: `destination.ip`.
   */
  struct authz_address destination;
  /**
   * The original client as a trusted proxy states it, for instance with the PROXY protocol: `remote.ip`,
   * `remoteIpBlocks`.
   */
  struct authz_address remote;
  /**
   * An `authz_fact` about `remote`. Absent, as for most hosts: no proxy stated one, so the original client is the direct
   * peer. The zero, unknown, denies wherever a rule reads `remote.ip`.
   */
  uint32_t remote_fact;
  /**
   * An `authz_fact` about `destination_port`. Absent counts as unknown.
   */
  uint32_t destination_port_fact;
  /**
   * The workload's port, in host order.
   */
  uint32_t destination_port;
  /**
   * An `authz_transport`.
   */
  uint32_t transport;
  /**
   * An `authz_fact` about the identity of the peer, which only mesh mTLS gives. Absent with `AUTHZ_TRANSPORT_MESH_MTLS`:
   * its certificate has no name at all. Known, which goes with `AUTHZ_TRANSPORT_MESH_MTLS` alone: `uri_sans` or `peer`
   * says which. For plaintext and other TLS leave it unknown or absent: there is none. While the transport is unknown, so
   * is the peer.
   */
  uint32_t peer_fact;
  /**
   * An `authz_fact` about `sni`. Absent for plaintext, which the transport alone does not say.
   */
  uint32_t sni_fact;
  /**
   * An `authz_fact` about `metadata`. Absent: the host has none.
   */
  uint32_t metadata_fact;
  /**
   * The names of the peer, a rule that matches any of which matches: all URI SANs of its certificate, as they stand
   * there (`spiffe://cluster.local/ns/foo/sa/sleep`; policies leave the `spiffe://` out). At most 512; a `peer` may have
   * any number.
   *
   * If it has none: its DNS SANs and its subject, such as `CN=client,O=Example`, so that a DENY rule for the
   * principal `*` meets it. If one of those starts with `spiffe://` or contains `/ns/`, a rule could take it for an
   * identity: leave the peer unknown. `authz_peer_names_from_der` does all of this. An empty list says that there
   * is no name whatever, and such a peer passes a DENY rule for the principal `*`; NULL, with NULL for `peer`, says
   * nothing and is `AUTHZ_STATUS_POINTER`.
   */
  const struct authz_text *uri_sans;
  /**
   * How many they are.
   */
  size_t uri_sans_len;
  /**
   * The identity, looked up before for all connections of a TLS session; instead of `uri_sans`.
   */
  const struct authz_peer *peer;
  /**
   * The server name that the client asked for, in any case; an empty one is none.
   */
  struct authz_text sni;
  /**
   * All metadata, each key of a filter once. At most 128 pieces with 512 values together.
   */
  const struct authz_metadata *metadata;
  /**
   * How many pieces there are.
   */
  size_t metadata_len;
} authz_connection;

/**
 * What becomes of a connection, and why. Zeroed it denies.
 *
 * Filled by the library, which never reads what stood in it. What it points to is borrowed from the authorizer that
 * decided, and must not be read after that authorizer's last owner freed it. Does not grow within one `AUTHZ_ABI`.
 */
typedef struct authz_decision {
  /**
   * Whether the connection may pass. Compare it with `AUTHZ_VERDICT_ALLOW`; anything else denies.
   */
  authz_verdict verdict;
  /**
   * Why.
   */
  authz_reason reason;
  /**
   * With `AUTHZ_REASON_UNKNOWN_FACT` the facts that it takes, else 0.
   */
  authz_fact_set needs;
  /**
   * What the dry-run DENY policies say.
   */
  authz_shadow shadow_deny;
  /**
   * What the dry-run ALLOW policies say.
   */
  authz_shadow shadow_allow;
  /**
   * What would become of the connection if every dry-run policy were enforced: not configured if there is none.
   */
  authz_shadow if_enforced;
  /**
   * The rule that decided; NULL where none did, as with `AUTHZ_REASON_NO_ALLOW_MATCH` and `AUTHZ_REASON_UNKNOWN_FACT`.
   * `authz_rule_location` says where it stands.
   */
  const struct authz_rule *rule;
  /**
   * The PeerAuthentication that decided; NULL where none did. `authz_policy_location` says where it stands;
   * `authz_decision_policy` answers it, or the policy of `rule`.
   */
  const struct authz_policy *peer_authentication;
  /**
   * The provider that has to be asked; empty where none has, or none has any more. A host asks as long as there is one,
   * whatever the reason.
   */
  struct authz_text provider;
  /**
   * The AUDIT rule that matches; NULL where none does.
   */
  const struct authz_rule *audit;
  /**
   * The dry-run DENY rule that matches; NULL where none does.
   */
  const struct authz_rule *shadow_deny_rule;
  /**
   * The dry-run ALLOW rule that matches; NULL where none does.
   */
  const struct authz_rule *shadow_allow_rule;
  /**
   * The rule that would decide if every dry-run policy were enforced; NULL where none would.
   */
  const struct authz_rule *if_enforced_rule;
} authz_decision;

/**
 * The answer of one provider of CUSTOM policies.
 */
typedef struct authz_provider_answer {
  /**
   * The provider, as `authz_decision.provider` named it.
   */
  struct authz_text provider;
  /**
   * An `authz_answer`.
   */
  uint32_t answer;
  /**
   * Zero.
   */
  uint32_t reserved;
} authz_provider_answer;

/**
 * Where something stands in the texts that were loaded.
 */
typedef struct authz_location {
  /**
   * The name of the source, borrowed from the authorizer.
   */
  struct authz_text source;
  /**
   * The line, from 1.
   */
  uint32_t line;
  /**
   * The column in characters, from 1.
   */
  uint32_t column;
} authz_location;

/**
 * The direct peer's address.
 */
#define AUTHZ_FACT_SET_SOURCE_IP 1

/**
 * The original client's address.
 */
#define AUTHZ_FACT_SET_REMOTE_IP 2

/**
 * The workload's address.
 */
#define AUTHZ_FACT_SET_DESTINATION_IP 4

/**
 * The workload's port.
 */
#define AUTHZ_FACT_SET_DESTINATION_PORT 8

/**
 * Whether the connection is plaintext, TLS or mesh mTLS.
 */
#define AUTHZ_FACT_SET_TRANSPORT 16

/**
 * The peer's identity.
 */
#define AUTHZ_FACT_SET_PEER 32

/**
 * The server name.
 */
#define AUTHZ_FACT_SET_SNI 64

/**
 * Metadata of the host.
 */
#define AUTHZ_FACT_SET_METADATA 128

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The name of an `authz_status` for logs, such as `contradiction`; `?` for a number that is none.
 *
 * Ends with a zero byte and lives as long as the program. So do the names of the functions below.
 */
const char *authz_status_name(uint32_t status);

/**
 * The text of a string that ends with a zero byte; NULL gives the empty text.
 *
 * Borrows the string.
 */
struct authz_text authz_text_of(const char *string);

/**
 * The text of a string, borrowed from it. The empty text for NULL.
 */
struct authz_text authz_string_text(const struct authz_string *string);

/**
 * Frees a string; NULL is fine.
 */
void authz_string_free(struct authz_string *string);

/**
 * The version of the library that runs, such as `0.1.0`; it may be another than that of the header.
 *
 * Ends with a zero byte and lives as long as the program.
 */
const char *authz_version(void);

/**
 * Whether the library that runs has the binary interface of the header: pass `AUTHZ_ABI`.
 *
 * `AUTHZ_STATUS_OK` if so, else `AUTHZ_STATUS_ABI`, and the program must not call anything else. Worth a line at
 * the start of a program that loads the library by itself (`dlopen`); the linker compares the number in the
 * library's name for all others.
 */
authz_status authz_check_abi(uint32_t abi);

/**
 * The name of an `authz_severity`: `note`, `warning` or `error`; `?` for a number that is none.
 */
const char *authz_severity_name(uint32_t severity);

/**
 * How many findings there are; 0 for NULL.
 */
size_t authz_findings_len(const struct authz_findings *findings);

/**
 * The finding at an index from 0; `AUTHZ_STATUS_RANGE` past the end.
 */
authz_status authz_findings_get(const struct authz_findings *findings,
                                size_t index,
                                struct authz_finding *finding);

/**
 * Frees findings; NULL is fine.
 */
void authz_findings_free(struct authz_findings *findings);

/**
 * Loads the policies of some texts.
 *
 * `mesh` and `options` may be NULL. `policies` receives a policy set, or NULL for every status but
 * `AUTHZ_STATUS_OK`. `findings` may be NULL; otherwise it receives what is to be said about the texts, to be freed
 * with `authz_findings_free` whatever the status: after `AUTHZ_STATUS_LOAD` at least one error among others, after
 * `AUTHZ_STATUS_OK` warnings and notes (and errors that the `lenient` profile lets pass), or none; after another status
 * possibly NULL. The texts are not needed after the call.
 */
authz_status authz_policy_set_load(const struct authz_source *sources,
                                   size_t sources_len,
                                   const struct authz_mesh *mesh,
                                   const struct authz_load_options *options,
                                   struct authz_policy_set **policies,
                                   struct authz_findings **findings);

/**
 * Loads the policies of one text, which findings and decisions call `<text>`.
 *
 * As `authz_policy_set_load` with one source and no options.
 */
authz_status authz_policy_set_from_yaml(struct authz_text text,
                                        const struct authz_mesh *mesh,
                                        struct authz_policy_set **policies,
                                        struct authz_findings **findings);

/**
 * How many AuthorizationPolicies and PeerAuthentications the texts held; 0 for NULL.
 */
size_t authz_policy_set_len(const struct authz_policy_set *policies);

/**
 * Frees a policy set; NULL is fine.
 */
void authz_policy_set_free(struct authz_policy_set *policies);

/**
 * The name of one fact of a set, such as `peer` for `AUTHZ_FACT_SET_PEER`; `?` for any number that is not one fact.
 */
const char *authz_fact_set_name(authz_fact_set fact);

/**
 * Selects the policies that apply to a workload, and compiles them.
 *
 * `authorizer` receives an owner, or NULL for every status but `AUTHZ_STATUS_OK`. Neither the policy set nor the
 * workload is needed after the call.
 */
authz_status authz_authorizer_new(const struct authz_policy_set *policies,
                                  const struct authz_workload *workload,
                                  struct authz_authorizer **authorizer);

/**
 * Gives another owner of the same authorizer: the same pointer, to be freed once more. NULL for NULL.
 *
 * Allocates nothing and takes no lock.
 */
struct authz_authorizer *authz_authorizer_clone(const struct authz_authorizer *authorizer);

/**
 * Ends the ownership of one owner; the last one frees the authorizer. NULL is fine.
 */
void authz_authorizer_free(struct authz_authorizer *authorizer);

/**
 * The facts that the policies ask for; no other can change a decision, so a host need not find it out.
 *
 * Where `AUTHZ_FACT_SET_PEER` is among them, state the transport too, which says whether there is a peer. Every fact for
 * NULL.
 */
authz_fact_set authz_authorizer_reads(const struct authz_authorizer *authorizer);

/**
 * Decides a connection.
 *
 * Whatever the status, `decision` holds a decision, which denies unless the status is `AUTHZ_STATUS_OK` and its verdict
 * `AUTHZ_VERDICT_ALLOW`. What is not known and decides denies, with `AUTHZ_REASON_UNKNOWN_FACT`. Allocates nothing
 * and takes no lock.
 */
authz_status authz_decide(const struct authz_authorizer *authorizer,
                          const struct authz_connection *connection,
                          struct authz_decision *decision);

/**
 * Decides a connection as soon as what is known suffices.
 *
 * A proxy calls it at each stage: with the addresses of a new connection, with the server name, with the peer after the
 * handshake. `decision->needs` is 0 if the decision is final, whatever facts become known later (a provider that it names
 * may still be asked), and after a failure; otherwise it names the facts
 * that rules which may still decide ask for, and the verdict is a denial until then: a host that does not look at `needs`
 * denies. A host to which none of them will ever be known is done. Otherwise as `authz_decide`.
 */
authz_status authz_decide_early(const struct authz_authorizer *authorizer,
                                const struct authz_connection *connection,
                                struct authz_decision *decision);

/**
 * Whether a connection may pass: the verdict of `authz_decide` alone. False for every mistake and failure. Allocates
 * nothing and takes no lock.
 */
bool authz_allows(const struct authz_authorizer *authorizer,
                  const struct authz_connection *connection);

/**
 * Decides a connection for which providers of CUSTOM policies were asked.
 *
 * `authz_decide` denies such a connection with `AUTHZ_REASON_CUSTOM_PROVIDER` and names the `provider`. The host asks it
 * and calls this with its answer, and again with one answer more as long as the decision names another provider. A
 * provider that is named and not among the answers has not allowed it; of two answers of one provider a refusal counts;
 * answers of providers that are not named do not:
 *
 * ```c
 * authz_decide(authorizer, &connection, &decision);
 * while (decision.provider.len != 0 && answers_len < 4) {
 *   answers[answers_len].provider = decision.provider;
 *   answers[answers_len++].answer = ask(decision.provider, &connection);
 *   authz_decide_answered(authorizer, &connection, answers, answers_len, &decision);
 * }
 * ```
 *
 * Otherwise as `authz_decide`.
 */
authz_status authz_decide_answered(const struct authz_authorizer *authorizer,
                                   const struct authz_connection *connection,
                                   const struct authz_provider_answer *answers,
                                   size_t answers_len,
                                   struct authz_decision *decision);

/**
 * Reads an address from text, such as `10.0.0.7` or `2001:db8::7`: no port, no brackets, no zone.
 *
 * Anything else is `AUTHZ_STATUS_ADDRESS` (`AUTHZ_STATUS_UTF8` if it is not UTF-8), and `address` is unknown. Allocates nothing.
 */
authz_status authz_address_parse(struct authz_text text,
                                 struct authz_address *address);

/**
 * The name of an `authz_verdict`: `deny` or `allow`; `?` for a number that is none.
 */
const char *authz_verdict_name(uint32_t verdict);

/**
 * The name of an `authz_reason`, such as `no-allow-match`, as test suites, JSON and logs spell it; `?` for a number
 * that is none.
 */
const char *authz_reason_name(uint32_t reason);

/**
 * The name of an `authz_shadow`: `not-configured`, `allowed`, `denied` or `unknown`; `?` for a number that is none.
 */
const char *authz_shadow_name(uint32_t shadow);

/**
 * The policy that decided, whether by a rule or as a PeerAuthentication; NULL where none did.
 *
 * Borrowed from the authorizer that decided.
 */
const struct authz_policy *authz_decision_policy(const struct authz_decision *decision);

/**
 * The policy that a rule belongs to; NULL for NULL. Borrowed from the authorizer that decided.
 */
const struct authz_policy *authz_rule_policy(const struct authz_rule *rule);

/**
 * The place of a rule in the `rules` of its policy, from 0; `UINT32_MAX` for NULL.
 */
uint32_t authz_rule_index(const struct authz_rule *rule);

/**
 * Where a rule starts; nowhere, with line 0, for NULL. Its text is borrowed from the authorizer that decided.
 */
struct authz_location authz_rule_location(const struct authz_rule *rule);

/**
 * The namespace of a policy; empty for NULL. Borrowed from the authorizer that decided.
 */
struct authz_text authz_policy_namespace(const struct authz_policy *policy);

/**
 * The name of a policy; empty for NULL. Borrowed from the authorizer that decided.
 */
struct authz_text authz_policy_name(const struct authz_policy *policy);

/**
 * Where a policy's name is written; nowhere, with line 0, for NULL. Its text is borrowed from the authorizer that
 * decided.
 */
struct authz_location authz_policy_location(const struct authz_policy *policy);

/**
 * Explains what becomes of a connection, for people: every policy and rule that was asked, where each rule failed, and
 * what would have to differ.
 *
 * `explanation` receives a text of several lines, or NULL for every status but `AUTHZ_STATUS_OK`. It walks the policies
 * one by one and allocates: not for every connection. It explains what `authz_decide` answers: what is unknown denies, and
 * no provider was asked.
 */
authz_status authz_explain(const struct authz_authorizer *authorizer,
                           const struct authz_connection *connection,
                           struct authz_string **explanation);

/**
 * The same for machines: JSON, of the shape that every door of the project has.
 */
authz_status authz_explain_json(const struct authz_authorizer *authorizer,
                                const struct authz_connection *connection,
                                struct authz_string **explanation);

/**
 * Looks up a peer by its names, as `authz_connection.uri_sans` has them, here in any number. NULL is no list, also
 * for length 0.
 *
 * `peer` receives a peer, or NULL for every status but `AUTHZ_STATUS_OK`. A name that is not UTF-8 is
 * `AUTHZ_STATUS_UTF8`; leave the identity of such a peer unknown. Allocates.
 */
authz_status authz_peer_new(const struct authz_authorizer *authorizer,
                            const struct authz_text *uri_sans,
                            size_t uri_sans_len,
                            struct authz_peer **peer);

/**
 * Frees a peer; NULL is fine.
 */
void authz_peer_free(struct authz_peer *peer);

/**
 * Reads the names that policies know a peer by out of its X.509 certificate in DER: its URI SANs; if it has none, its
 * DNS SANs and its subject, written as in RFC 4514.
 *
 * It checks nothing else: the host has verified the certificate before. `names` receives the list, which is empty for a
 * certificate without any name, or NULL for every status but `AUTHZ_STATUS_OK`. What is not one well-formed certificate,
 * or has bytes behind it, is `AUTHZ_STATUS_CERTIFICATE`, and so is a DNS SAN or a subject that a rule could take for a
 * SPIFFE identity; leave the identity of such a peer unknown. `AUTHZ_STATUS_UNSUPPORTED` if the library was built
 * without this part.
 */
authz_status authz_peer_names_from_der(const uint8_t *der,
                                       size_t der_len,
                                       struct authz_peer_names **names);

/**
 * The names as an array, as `authz_connection.uri_sans` and `authz_peer_new` take it. Borrowed from the list; never NULL,
 * also for an empty one, but for NULL: what reads it refuses that, so that a failed call does not read as "no name".
 */
const struct authz_text *authz_peer_names_data(const struct authz_peer_names *names);

/**
 * How many there are; 0 for NULL.
 */
size_t authz_peer_names_len(const struct authz_peer_names *names);

/**
 * Frees the list; NULL is fine.
 */
void authz_peer_names_free(struct authz_peer_names *names);

/**
 * Makes a slot that holds an authorizer. The slot becomes an owner of its own; the caller stays one.
 *
 * `slot` receives it, or NULL for every status but `AUTHZ_STATUS_OK`.
 */
authz_status authz_slot_new(const struct authz_authorizer *authorizer, struct authz_slot **slot);

/**
 * Puts an authorizer in the place of the one that the slot holds. The slot becomes an owner of its own; the caller stays
 * one. Calls that begin afterwards see the new one. After any other status than `AUTHZ_STATUS_OK` the old one stays.
 */
authz_status authz_slot_replace(const struct authz_slot *slot,
                                const struct authz_authorizer *authorizer);

/**
 * Gives an owner of the authorizer that the slot holds now, to be freed with `authz_authorizer_free`; NULL for NULL.
 *
 * For several calls that have to see the same policies. Takes no lock.
 */
struct authz_authorizer *authz_slot_load(const struct authz_slot *slot);

/**
 * Decides a connection with the authorizer that the slot holds now, as `authz_decide`.
 *
 * With NULL for `owner` the decision has the verdict, the reason and the facts that it needs, and no pointers and texts:
 * the authorizer that they would lie in may be replaced and freed at any time. Otherwise `owner` receives an owner of
 * that authorizer, which keeps them good until `authz_authorizer_free`; NULL for every status but `AUTHZ_STATUS_OK`. It
 * is also what a host hands to `authz_decide_answered` and `authz_explain` to ask the same policies again.
 */
authz_status authz_slot_decide(const struct authz_slot *slot,
                               const struct authz_connection *connection,
                               struct authz_decision *decision,
                               struct authz_authorizer **owner);

/**
 * Decides a connection as soon as what is known suffices, as `authz_decide_early`; `owner` as for `authz_slot_decide`.
 */
authz_status authz_slot_decide_early(const struct authz_slot *slot,
                                     const struct authz_connection *connection,
                                     struct authz_decision *decision,
                                     struct authz_authorizer **owner);

/**
 * Whether a connection may pass by the authorizer that the slot holds now. False for every mistake and failure.
 */
bool authz_slot_allows(const struct authz_slot *slot,
                       const struct authz_connection *connection);

/**
 * Frees a slot and ends its ownership of what it holds; NULL is fine.
 */
void authz_slot_free(struct authz_slot *slot);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* AUTHZ_H */

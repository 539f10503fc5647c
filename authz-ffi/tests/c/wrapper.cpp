// The C++17 wrapper: owners move, results say why, views borrow, and what is empty denies.
#include <authz.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <type_traits>

#define CHECK(condition)                                                            \
  do {                                                                              \
    if (!(condition)) {                                                             \
      std::fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      std::exit(1);                                                                 \
    }                                                                               \
  } while (0)

static const char POLICIES[] = R"(
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ports, namespace: foo}
spec:
  selector: {matchLabels: {app: tcp-echo}}
  rules:
  - to: [{operation: {ports: ['9000']}}]
  - from: [{source: {principals: [cluster.local/ns/foo/sa/sleep]}}]
)";

static_assert(!std::is_copy_constructible_v<authz::authorizer> && std::is_nothrow_move_constructible_v<authz::authorizer>);
static_assert(!std::is_copy_assignable_v<authz::slot> && std::is_nothrow_move_assignable_v<authz::policy_set>);

static authz::address address(const char *text) {
  auto parsed = authz::parse_address(text);
  CHECK(parsed);
  return *parsed;
}

static authz::authorizer make(const char *text) {
  auto loaded = authz::policy_set::from_yaml(text);
  CHECK(loaded.policies && loaded.policies->size() == 1);
  auto authorizer = loaded.policies->authorizer_for(authz::workload("foo").label("app", "tcp-echo"));
  CHECK(authorizer);
  return *std::move(authorizer);
}

int main() {
  CHECK(authz::abi_matches());
  authz::authorizer authorizer = make(POLICIES);
  authz::connection connection;
  connection.source(address("10.0.0.7")).destination(address("10.0.0.9"), 9000).plaintext();
  authz::decision decision = authorizer.decide(connection);
  CHECK(decision.allows() && decision.is_final() && decision.reason() == AUTHZ_REASON_ALLOW_POLICY);
  CHECK(decision.policy_namespace() == "foo" && decision.policy_name() == "ports" && decision.rule() == 0);
  CHECK(std::string(authz::name(decision.verdict())) == "allow" && authorizer.allows(connection));

  // What was moved from is empty and denies.
  authz::authorizer moved = std::move(authorizer);
  CHECK(!authorizer && !authorizer.allows(connection) && !authorizer.decide(connection).allows());
  CHECK(authorizer.decide(connection).status() == AUTHZ_STATUS_POINTER);
  CHECK(moved.allows(connection) && !authz::decision().allows() && !authz::decision().is_final());
  authz::authorizer other = moved.clone();
  moved = std::move(other);
  moved = std::move(*&moved);
  CHECK(moved.allows(connection));

  // In stages.
  connection = authz::connection();
  connection.source(address("10.0.0.7")).destination(address("10.0.0.9"), 9001);
  CHECK(!moved.decide_early(connection).is_final() && moved.decide_early(connection).needs() == AUTHZ_FACT_SET_PEER);
  CHECK(!moved.decide_early(connection).allows() && moved.decide(connection).reason() == AUTHZ_REASON_UNKNOWN_FACT);
  const authz_text sans[] = {authz::text("https://a.example"), authz::text("spiffe://cluster.local/ns/foo/sa/sleep")};
  connection.principals(sans, 2).sni("a.example").without_metadata();
  CHECK(moved.allows(connection));
  auto peer = moved.peer(sans, 2);
  CHECK(peer && moved.allows(connection.peer(*peer)));
  CHECK(!moved.allows(connection.peer(authz::peer())) && !moved.allows(connection.tls()) && !moved.allows(connection.plaintext()));
  CHECK(authz::peer_names::from_der(nullptr, 0).status() == AUTHZ_STATUS_CERTIFICATE);

  // A certificate that cannot be read is no peer without a name.
  authz::authorizer nobody = make(R"({apiVersion: security.istio.io/v1, kind: AuthorizationPolicy,
      metadata: {name: nobody, namespace: foo}, spec: {action: DENY, rules: [{from: [{source: {principals: ['*']}}]}]}})");
  auto unreadable = authz::peer_names::from_der(nullptr, 0);
  CHECK(!unreadable && unreadable->size() == 0 && nobody.allows(connection.without_principals()));
  CHECK(nobody.decide(connection.principals(*unreadable)).reason() == AUTHZ_REASON_UNKNOWN_FACT);
  CHECK(nobody.decide(connection.principals(nullptr, 0)).status() == AUTHZ_STATUS_POINTER);
  CHECK(nobody.peer(*unreadable).status() == AUTHZ_STATUS_POINTER);

  (void)connection.plaintext();
  auto explanation = moved.explain(connection);
  CHECK(explanation && explanation->view().find("ports") != std::string_view::npos);
  CHECK(moved.explain_json(connection)->view().substr(0, 1) == "{");

  // What does not load says why.
  auto broken = authz::policy_set::load({{"a.yaml", "{kind: AuthorizationPolicy, apiVersion: security.istio.io/v1}"}});
  CHECK(!broken.policies && broken.policies.status() == AUTHZ_STATUS_LOAD && !broken.findings.empty());
  CHECK(broken.findings[0].severity() == AUTHZ_SEVERITY_ERROR && broken.findings[0].source() == "a.yaml");
  CHECK(broken.findings[0].text().size() > broken.findings[0].message().size() && broken.findings[99].text().empty());
  CHECK(!broken.policies->authorizer_for(authz::workload("foo")));

  authz::mesh mesh;
  mesh.root_namespace("root").trust_domain("prod").trust_domain_alias("old").provider("opa", AUTHZ_PROVIDER_KIND_GRPC);
  auto custom = authz::policy_set::from_yaml(
      "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: ask, namespace: root},"
      " spec: {action: CUSTOM, provider: {name: opa}, rules: [{}]}}",
      mesh);
  CHECK(custom.policies);
  auto asking = custom.policies->authorizer_for(authz::workload("foo"));
  CHECK(asking && asking->decide(connection).provider() == "opa");
  const authz_provider_answer answer = {authz::text("opa"), AUTHZ_ANSWER_ALLOW, 0};
  CHECK(asking->decide(connection, &answer, 1).allows());

  auto slot = authz::slot::make(moved);
  CHECK(slot && !slot->allows(connection));
  auto kept = slot->decide(connection);
  CHECK(slot->replace(*asking) == AUTHZ_STATUS_OK);
  CHECK(!kept.decision.allows() && kept.by && kept.decision.reason() == AUTHZ_REASON_NO_ALLOW_MATCH);
  CHECK(slot->load().decide(connection).provider() == "opa" && slot->decide_early(connection).decision.is_final());
  return 0;
}

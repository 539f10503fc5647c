/* Who owns what: owners end in any order, and what is borrowed lives as long as its owner. */
#include "check.h"

static void findings_outlive_the_load(void) {
  const char *broken =
      "apiVersion: security.istio.io/v1\n"
      "kind: AuthorizationPolicy\n"
      "metadata: {name: web, namespace: shop}\n"
      "spec:\n"
      "  rules:\n"
      "  - from:\n"
      "    - source: {ipBlocks: [10.0.0.0/33]}\n";
  char *text = malloc(strlen(broken) + 1);
  CHECK(text != NULL);
  strcpy(text, broken);
  authz_source source = {authz_text_of("shop.yaml"), authz_text_of(text)};
  authz_policy_set *policies;
  authz_findings *findings;
  CHECK(authz_policy_set_load(&source, 1, NULL, NULL, &policies, &findings) == AUTHZ_STATUS_LOAD);
  CHECK(policies == NULL && findings != NULL);
  free(text);
  CHECK(authz_findings_len(findings) >= 1);
  authz_finding finding;
  CHECK(authz_findings_get(findings, 0, &finding) == AUTHZ_STATUS_OK);
  CHECK(finding.severity == AUTHZ_SEVERITY_ERROR);
  CHECK(strcmp(authz_severity_name(finding.severity), "error") == 0);
  CHECK(same(finding.code, "bad-ip-block") && same(finding.source, "shop.yaml") && same(finding.resource, "shop/web"));
  CHECK(finding.line == 7 && finding.column == 27 && finding.end_line == 7 && finding.end_column > 27);
  CHECK(same(finding.path, "spec.rules[0].from[0].source.ipBlocks[0]"));
  CHECK(finding.message.len > 0 && finding.text.len > finding.message.len);
  CHECK(memcmp(finding.text.data, "shop.yaml:7:27: error[bad-ip-block]: shop/web: ", 47) == 0);
  CHECK(authz_findings_get(findings, authz_findings_len(findings), &finding) == AUTHZ_STATUS_RANGE);
  CHECK(finding.message.len == 0);
  authz_findings_free(findings);

  /* Leniently the same text loads, and its rule matches nothing. */
  authz_load_options options = {.size = sizeof options, .lenient = 1};
  source.text = authz_text_of(broken);
  CHECK(authz_policy_set_load(&source, 1, NULL, &options, &policies, &findings) == AUTHZ_STATUS_OK);
  CHECK(authz_policy_set_len(policies) == 1 && authz_findings_len(findings) >= 1);
  authz_findings_free(findings);
  authz_policy_set_free(policies);
}

static void an_authorizer_outlives_what_it_is_made_of(void) {
  authz_policy_set *policies = load(POLICIES);
  authz_authorizer *first = authorizer_for(policies);
  authz_policy_set_free(policies);
  authz_authorizer *second = authz_authorizer_clone(first);
  CHECK(second == first);
  authz_authorizer_free(first);

  authz_connection connection = plaintext("10.0.0.7", 9001);
  authz_decision decision;
  CHECK(authz_decide(second, &connection, &decision) == AUTHZ_STATUS_OK);
  CHECK(decision.verdict == AUTHZ_VERDICT_ALLOW && decision.reason == AUTHZ_REASON_ALLOW_POLICY);
  CHECK(decision.needs == 0 && decision.peer_authentication == NULL && decision.provider.len == 0);
  CHECK(decision.if_enforced == AUTHZ_SHADOW_NOT_CONFIGURED && decision.audit == NULL);
  const authz_policy *policy = authz_decision_policy(&decision);
  CHECK(policy != NULL && policy == authz_rule_policy(decision.rule));
  CHECK(same(authz_policy_namespace(policy), "foo") && same(authz_policy_name(policy), "ports"));
  CHECK(authz_rule_index(decision.rule) == 0);
  authz_location location = authz_rule_location(decision.rule);
  CHECK(same(location.source, "<text>") && location.line == 8 && location.column == 5);
  location = authz_policy_location(policy);
  CHECK(same(location.source, "<text>") && location.line == 3);

  authz_string *text;
  connection.destination_port = 9003;
  CHECK(authz_explain(second, &connection, &text) == AUTHZ_STATUS_OK);
  authz_authorizer *third = authz_authorizer_clone(second);
  authz_authorizer_free(second);
  CHECK(authz_string_text(text).len > 100);
  authz_string_free(text);
  CHECK(authz_explain_json(third, &connection, &text) == AUTHZ_STATUS_OK);
  CHECK(authz_string_text(text).data[0] == '{');
  authz_string_free(text);
  authz_authorizer_free(third);
}

static void a_peer_outlives_its_authorizer(void) {
  authz_authorizer *authorizer = authorizer_of(POLICIES);
  char san[] = "spiffe://cluster.local/ns/foo/sa/sleep";
  authz_text sans[] = {authz_text_of("spiffe://old/ns/foo/sa/sleep"), authz_text_of(san)};
  authz_peer *peer;
  CHECK(authz_peer_new(authorizer, sans, 2, &peer) == AUTHZ_STATUS_OK);
  memset(san, 'x', strlen(san));
  authz_connection connection = plaintext("10.0.0.7", 9002);
  CHECK(!authz_allows(authorizer, &connection));
  connection.transport = AUTHZ_TRANSPORT_MESH_MTLS;
  connection.peer_fact = AUTHZ_FACT_KNOWN;
  connection.peer = peer;
  CHECK(authz_allows(authorizer, &connection));
  authz_authorizer_free(authorizer);
  authorizer = authorizer_of(POLICIES);
  CHECK(authz_allows(authorizer, &connection));
  authz_peer_free(peer);
  CHECK(authz_peer_new(authorizer, sans, 0, &peer) == AUTHZ_STATUS_OK);
  connection.peer = peer;
  CHECK(!authz_allows(authorizer, &connection));
  authz_peer_free(peer);
  authz_authorizer_free(authorizer);
}

static void a_slot_is_an_owner(void) {
  authz_authorizer *old = authorizer_of(POLICIES);
  authz_slot *slot;
  CHECK(authz_slot_new(old, &slot) == AUTHZ_STATUS_OK);
  authz_authorizer_free(old);
  authz_connection connection = plaintext("10.66.0.1", 9000);
  authz_decision decision;
  authz_authorizer *owner;
  CHECK(authz_slot_decide(slot, &connection, &decision, &owner) == AUTHZ_STATUS_OK);
  authz_authorizer *next = authorizer_of(
      "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: all, namespace: foo}, spec: {rules: [{}]}}");
  CHECK(authz_slot_replace(slot, next) == AUTHZ_STATUS_OK);
  authz_authorizer_free(next);
  /* The decision is that of the policies before, whose names `owner` keeps. */
  CHECK(decision.reason == AUTHZ_REASON_DENY_POLICY);
  CHECK(same(authz_policy_name(authz_decision_policy(&decision)), "no-blocked"));
  authz_authorizer_free(owner);
  CHECK(authz_slot_allows(slot, &connection));
  CHECK(authz_slot_decide(slot, &connection, &decision, NULL) == AUTHZ_STATUS_OK);
  CHECK(decision.verdict == AUTHZ_VERDICT_ALLOW && decision.reason == AUTHZ_REASON_ALLOW_POLICY && decision.rule == NULL);
  authz_authorizer *held = authz_slot_load(slot);
  authz_slot_free(slot);
  CHECK(authz_allows(held, &connection));
  authz_authorizer_free(held);
}

static void decisions_come_in_stages(void) {
  authz_authorizer *authorizer = authorizer_of(POLICIES);
  CHECK(authz_authorizer_reads(authorizer) ==
        (AUTHZ_FACT_SET_SOURCE_IP | AUTHZ_FACT_SET_DESTINATION_PORT | AUTHZ_FACT_SET_PEER));
  authz_connection connection = {.size = sizeof connection};
  authz_decision decision;
  connection.source = address("10.66.0.1");
  CHECK(authz_decide_early(authorizer, &connection, &decision) == AUTHZ_STATUS_OK);
  CHECK(decision.needs == 0 && decision.verdict == AUTHZ_VERDICT_DENY && decision.reason == AUTHZ_REASON_DENY_POLICY);
  connection.source = address("10.0.0.7");
  connection.destination_port_fact = AUTHZ_FACT_KNOWN;
  connection.destination_port = 9002;
  CHECK(authz_decide_early(authorizer, &connection, &decision) == AUTHZ_STATUS_OK);
  CHECK(decision.needs == AUTHZ_FACT_SET_PEER && decision.verdict == AUTHZ_VERDICT_DENY);
  CHECK(strcmp(authz_fact_set_name(AUTHZ_FACT_SET_PEER), "peer") == 0);
  authz_text san = authz_text_of("spiffe://cluster.local/ns/foo/sa/sleep");
  connection.transport = AUTHZ_TRANSPORT_MESH_MTLS;
  connection.peer_fact = AUTHZ_FACT_KNOWN;
  connection.uri_sans = &san;
  connection.uri_sans_len = 1;
  CHECK(authz_decide_early(authorizer, &connection, &decision) == AUTHZ_STATUS_OK);
  CHECK(decision.needs == 0 && decision.verdict == AUTHZ_VERDICT_ALLOW && authz_rule_index(decision.rule) == 1);
  authz_authorizer_free(authorizer);
}

static void providers_are_asked_by_the_host(void) {
  authz_provider opa = {.name = authz_text_of("opa"), .kind = AUTHZ_PROVIDER_KIND_GRPC};
  authz_text alias = authz_text_of("old-td");
  authz_mesh mesh = {.size = sizeof mesh,
                     .root_namespace = authz_text_of("root"),
                     .trust_domain_aliases = &alias,
                     .trust_domain_aliases_len = 1,
                     .providers = &opa,
                     .providers_len = 1};
  const char *text =
      "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: ask, namespace: root},"
      " spec: {action: CUSTOM, provider: {name: opa}, rules: [{}]}}";
  authz_policy_set *policies;
  CHECK(authz_policy_set_from_yaml(authz_text_of(text), &mesh, &policies, NULL) == AUTHZ_STATUS_OK);
  authz_authorizer *authorizer = authorizer_for(policies);
  authz_policy_set_free(policies);
  authz_connection connection = plaintext("10.0.0.7", 9000);
  authz_decision decision;
  CHECK(authz_decide(authorizer, &connection, &decision) == AUTHZ_STATUS_OK);
  CHECK(decision.verdict == AUTHZ_VERDICT_DENY && decision.reason == AUTHZ_REASON_CUSTOM_PROVIDER);
  CHECK(same(decision.provider, "opa"));
  authz_provider_answer answers[2] = {{.provider = decision.provider, .answer = AUTHZ_ANSWER_ALLOW},
                                      {.provider = decision.provider, .answer = AUTHZ_ANSWER_DENY}};
  CHECK(authz_decide_answered(authorizer, &connection, answers, 1, &decision) == AUTHZ_STATUS_OK);
  CHECK(decision.verdict == AUTHZ_VERDICT_ALLOW && decision.provider.len == 0);
  CHECK(authz_decide_answered(authorizer, &connection, answers, 2, &decision) == AUTHZ_STATUS_OK);
  CHECK(decision.verdict == AUTHZ_VERDICT_DENY && decision.provider.len == 0);
  answers[0].provider = authz_text_of("another");
  CHECK(authz_decide_answered(authorizer, &connection, answers, 1, &decision) == AUTHZ_STATUS_OK);
  CHECK(decision.verdict == AUTHZ_VERDICT_DENY && same(decision.provider, "opa"));
  authz_authorizer_free(authorizer);
}

static void dry_run_and_audit_stand_beside_the_verdict(void) {
  const char *text =
      "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: try, namespace: foo,"
      " annotations: {istio.io/dry-run: 'true'}}, spec: {action: DENY, rules: [{}]}}\n"
      "---\n"
      "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: watch, namespace: foo},"
      " spec: {action: AUDIT, rules: [{}]}}\n";
  authz_authorizer *authorizer = authorizer_of(text);
  authz_connection connection = plaintext("10.0.0.7", 9000);
  authz_decision decision;
  CHECK(authz_decide(authorizer, &connection, &decision) == AUTHZ_STATUS_OK);
  CHECK(decision.verdict == AUTHZ_VERDICT_ALLOW && decision.reason == AUTHZ_REASON_NO_POLICY);
  CHECK(decision.shadow_deny == AUTHZ_SHADOW_DENIED && decision.shadow_allow == AUTHZ_SHADOW_NOT_CONFIGURED);
  CHECK(decision.if_enforced == AUTHZ_SHADOW_DENIED && decision.if_enforced_rule == decision.shadow_deny_rule);
  CHECK(same(authz_policy_name(authz_rule_policy(decision.shadow_deny_rule)), "try"));
  CHECK(same(authz_policy_name(authz_rule_policy(decision.audit)), "watch"));
  authz_authorizer_free(authorizer);
}

int main(void) {
  CHECK(authz_check_abi(AUTHZ_ABI) == AUTHZ_STATUS_OK && authz_check_abi(AUTHZ_ABI + 1) == AUTHZ_STATUS_ABI);
  char version[32];
  snprintf(version, sizeof version, "%d.%d.%d", AUTHZ_VERSION_MAJOR, AUTHZ_VERSION_MINOR, AUTHZ_VERSION_PATCH);
  CHECK(strcmp(version, authz_version()) == 0);
  findings_outlive_the_load();
  an_authorizer_outlives_what_it_is_made_of();
  a_peer_outlives_its_authorizer();
  a_slot_is_an_owner();
  decisions_come_in_stages();
  providers_are_asked_by_the_host();
  dry_run_and_audit_stand_beside_the_verdict();
  return 0;
}

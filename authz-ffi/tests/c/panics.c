/* Panics, asked for by the test, end in a status with the denial written; the call after works. */
#include "check.h"

void authz_inject_panic(void);

int main(void) {
  authz_policy_set *policies = load(POLICIES);
  authz_authorizer *authorizer = authorizer_for(policies);
  authz_connection connection = plaintext("10.0.0.7", 9000);
  authz_decision decision;
  authz_status status;

#define PANICS(call)                    \
  memset(&decision, 0xff, sizeof decision); \
  authz_inject_panic();                 \
  status = (call);                      \
  CHECK(status == AUTHZ_STATUS_PANIC)
#define DENIES(call)                    \
  PANICS(call);                         \
  CHECK(decision.verdict == AUTHZ_VERDICT_DENY && decision.reason == AUTHZ_REASON_NONE && decision.rule == NULL); \
  CHECK((call) == AUTHZ_STATUS_OK && decision.verdict == AUTHZ_VERDICT_ALLOW)

  DENIES(authz_decide(authorizer, &connection, &decision));
  DENIES(authz_decide_early(authorizer, &connection, &decision));
  DENIES(authz_decide_answered(authorizer, &connection, NULL, 0, &decision));

  authz_slot *slot = (authz_slot *)&decision;
  PANICS(authz_slot_new(authorizer, &slot));
  CHECK(slot == NULL);
  CHECK(authz_slot_new(authorizer, &slot) == AUTHZ_STATUS_OK);
  DENIES(authz_slot_decide(slot, &connection, &decision, NULL));
  DENIES(authz_slot_decide_early(slot, &connection, &decision, NULL));
  authz_authorizer *owner = authorizer;
  PANICS(authz_slot_decide(slot, &connection, &decision, &owner));
  CHECK(owner == NULL);
  authz_slot_free(slot);

  authz_policy_set *again = policies;
  authz_findings *findings = (authz_findings *)&decision;
  PANICS(authz_policy_set_from_yaml(authz_text_of(POLICIES), NULL, &again, NULL));
  CHECK(again == NULL);
  PANICS(authz_policy_set_load(NULL, 0, NULL, NULL, &again, &findings));
  CHECK(findings == NULL);
  authz_workload workload = {.size = sizeof workload, .namespace_name = authz_text_of("foo")};
  authz_authorizer *other = authorizer;
  PANICS(authz_authorizer_new(policies, &workload, &other));
  CHECK(other == NULL);
  authz_peer *peer = (authz_peer *)&decision;
  PANICS(authz_peer_new(authorizer, NULL, 0, &peer));
  CHECK(peer == NULL);
  authz_string *text = (authz_string *)&decision;
  PANICS(authz_explain(authorizer, &connection, &text));
  CHECK(text == NULL);
  text = (authz_string *)&decision;
  PANICS(authz_explain_json(authorizer, &connection, &text));
  CHECK(text == NULL);
  authz_peer_names *sans = (authz_peer_names *)&decision;
  PANICS(authz_peer_names_from_der(NULL, 0, &sans));
  CHECK(sans == NULL);
  authz_address parsed;
  memset(&parsed, 0xff, sizeof parsed);
  PANICS(authz_address_parse(authz_text_of("10.0.0.1"), &parsed));
  CHECK(parsed.len == 0);

  authz_policy_set_free(policies);
  authz_authorizer_free(authorizer);
  return 0;
}

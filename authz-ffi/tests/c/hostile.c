/* Arguments that nobody should pass: each call says what is wrong, and denies. */
#include "check.h"

static authz_policy_set *policies;
static authz_authorizer *authorizer;
static authz_slot *slot;

/* An answer that nothing was written to would be told by this. */
static authz_decision dirty(void) {
  authz_decision decision;
  memset(&decision, 0xff, sizeof decision);
  return decision;
}

static void denies(const authz_connection *connection, authz_status expected, int line) {
  authz_decision decisions[5];
  authz_status statuses[5];
  authz_authorizer *owner = authorizer;
  for (int i = 0; i < 5; i++) {
    decisions[i] = dirty();
  }
  statuses[0] = authz_decide(authorizer, connection, &decisions[0]);
  statuses[1] = authz_decide_early(authorizer, connection, &decisions[1]);
  statuses[2] = authz_decide_answered(authorizer, connection, NULL, 0, &decisions[2]);
  statuses[3] = authz_slot_decide(slot, connection, &decisions[3], &owner);
  statuses[4] = authz_slot_decide_early(slot, connection, &decisions[4], NULL);
  for (int i = 0; i < 5; i++) {
    if (statuses[i] != expected || decisions[i].verdict != AUTHZ_VERDICT_DENY || decisions[i].reason != AUTHZ_REASON_NONE ||
        decisions[i].rule != NULL) {
      fprintf(stderr, "line %d: function %d answers %s (%s, %s)\n", line, i, authz_status_name(statuses[i]),
              authz_verdict_name(decisions[i].verdict), authz_reason_name(decisions[i].reason));
      exit(1);
    }
  }
  CHECK(owner == NULL);
  CHECK(!authz_allows(authorizer, connection) && !authz_slot_allows(slot, connection));
  authz_string *text = (authz_string *)slot;
  CHECK(authz_explain(authorizer, connection, &text) == expected && text == NULL);
  text = (authz_string *)slot;
  CHECK(authz_explain_json(authorizer, connection, &text) == expected && text == NULL);
}
#define DENIES(connection, status) denies(connection, AUTHZ_STATUS_##status, __LINE__)

static void null_everywhere(void) {
  authz_connection connection = plaintext("10.0.0.7", 9000);
  authz_decision decision = dirty();
  CHECK(authz_decide(NULL, &connection, &decision) == AUTHZ_STATUS_POINTER && decision.verdict == AUTHZ_VERDICT_DENY);
  decision = dirty();
  CHECK(authz_decide_early(NULL, &connection, &decision) == AUTHZ_STATUS_POINTER && decision.verdict == AUTHZ_VERDICT_DENY);
  decision = dirty();
  CHECK(authz_decide_answered(NULL, &connection, NULL, 0, &decision) == AUTHZ_STATUS_POINTER &&
        decision.verdict == AUTHZ_VERDICT_DENY);
  decision = dirty();
  CHECK(authz_slot_decide(NULL, &connection, &decision, NULL) == AUTHZ_STATUS_POINTER && decision.verdict == AUTHZ_VERDICT_DENY);
  decision = dirty();
  CHECK(authz_slot_decide_early(NULL, &connection, &decision, NULL) == AUTHZ_STATUS_POINTER &&
        decision.verdict == AUTHZ_VERDICT_DENY);
  CHECK(authz_decide(authorizer, &connection, NULL) == AUTHZ_STATUS_POINTER);
  CHECK(authz_decide_early(authorizer, &connection, NULL) == AUTHZ_STATUS_POINTER);
  CHECK(authz_decide_answered(authorizer, &connection, NULL, 1, &decision) == AUTHZ_STATUS_POINTER);
  CHECK(authz_slot_decide(slot, &connection, NULL, NULL) == AUTHZ_STATUS_POINTER);
  CHECK(!authz_allows(NULL, &connection) && !authz_allows(authorizer, NULL) && !authz_slot_allows(NULL, NULL));
  DENIES(NULL, POINTER);

  authz_string *text;
  CHECK(authz_explain(NULL, &connection, &text) == AUTHZ_STATUS_POINTER && text == NULL);
  CHECK(authz_explain(authorizer, &connection, NULL) == AUTHZ_STATUS_POINTER);
  CHECK(authz_explain_json(NULL, NULL, NULL) == AUTHZ_STATUS_POINTER);
  CHECK(authz_string_text(NULL).len == 0);
  CHECK(authz_text_of(NULL).len == 0);

  authz_policy_set *loaded;
  authz_findings *findings;
  authz_text missing = {NULL, 1};
  CHECK(authz_policy_set_from_yaml(missing, NULL, &loaded, &findings) == AUTHZ_STATUS_POINTER && loaded == NULL && findings == NULL);
  CHECK(authz_policy_set_from_yaml(authz_text_of(POLICIES), NULL, NULL, NULL) == AUTHZ_STATUS_POINTER);
  CHECK(authz_policy_set_load(NULL, 1, NULL, NULL, &loaded, NULL) == AUTHZ_STATUS_POINTER && loaded == NULL);
  CHECK(authz_policy_set_load(NULL, 0, NULL, NULL, &loaded, NULL) == AUTHZ_STATUS_NO_POLICIES && loaded == NULL);
  CHECK(authz_policy_set_len(NULL) == 0 && authz_findings_len(NULL) == 0);
  authz_finding finding;
  CHECK(authz_findings_get(NULL, 0, &finding) == AUTHZ_STATUS_POINTER && finding.text.len == 0);
  CHECK(authz_findings_get(NULL, 0, NULL) == AUTHZ_STATUS_POINTER);

  authz_workload workload = {.size = sizeof workload, .namespace_name = authz_text_of("foo")};
  authz_authorizer *made;
  CHECK(authz_authorizer_new(NULL, &workload, &made) == AUTHZ_STATUS_POINTER && made == NULL);
  CHECK(authz_authorizer_new(policies, NULL, &made) == AUTHZ_STATUS_POINTER && made == NULL);
  CHECK(authz_authorizer_new(policies, &workload, NULL) == AUTHZ_STATUS_POINTER);
  CHECK(authz_authorizer_clone(NULL) == NULL && authz_authorizer_reads(NULL) == 0xff);
  authz_peer *peer;
  CHECK(authz_peer_new(NULL, NULL, 0, &peer) == AUTHZ_STATUS_POINTER && peer == NULL);
  CHECK(authz_peer_new(authorizer, NULL, 1, &peer) == AUTHZ_STATUS_POINTER && peer == NULL);
  CHECK(authz_peer_new(authorizer, NULL, 0, NULL) == AUTHZ_STATUS_POINTER);
  authz_slot *made_slot;
  CHECK(authz_slot_new(NULL, &made_slot) == AUTHZ_STATUS_POINTER && made_slot == NULL);
  CHECK(authz_slot_new(authorizer, NULL) == AUTHZ_STATUS_POINTER);
  CHECK(authz_slot_replace(slot, NULL) == AUTHZ_STATUS_POINTER && authz_slot_replace(NULL, authorizer) == AUTHZ_STATUS_POINTER);
  CHECK(authz_slot_load(NULL) == NULL);
  authz_peer_names *sans;
  CHECK(authz_peer_names_from_der(NULL, 1, &sans) == AUTHZ_STATUS_POINTER && sans == NULL);
  CHECK(authz_peer_names_from_der(NULL, 0, NULL) == AUTHZ_STATUS_POINTER);
  CHECK(authz_peer_names_data(NULL) == NULL && authz_peer_names_len(NULL) == 0);
  CHECK(authz_address_parse(authz_text_of("10.0.0.1"), NULL) == AUTHZ_STATUS_POINTER);

  CHECK(authz_decision_policy(NULL) == NULL && authz_rule_policy(NULL) == NULL && authz_rule_index(NULL) == UINT32_MAX);
  CHECK(authz_rule_location(NULL).line == 0 && authz_policy_location(NULL).source.len == 0);
  CHECK(authz_policy_namespace(NULL).len == 0 && authz_policy_name(NULL).len == 0);
  authz_decision zeroed = {0};
  CHECK(zeroed.verdict == AUTHZ_VERDICT_DENY && authz_decision_policy(&zeroed) == NULL);

  authz_policy_set_free(NULL);
  authz_findings_free(NULL);
  authz_authorizer_free(NULL);
  authz_peer_free(NULL);
  authz_slot_free(NULL);
  authz_string_free(NULL);
  authz_peer_names_free(NULL);
}

static void misaligned_pointers(void) {
  _Alignas(16) unsigned char bytes[sizeof(authz_connection) + 16];
  authz_connection connection = plaintext("10.0.0.7", 9000);
  memcpy(bytes + 1, &connection, sizeof connection);
  authz_decision decision = dirty();
  CHECK(authz_decide(authorizer, (const authz_connection *)(const void *)(bytes + 1), &decision) == AUTHZ_STATUS_POINTER);
  CHECK(decision.verdict == AUTHZ_VERDICT_DENY);

  /* Of two outputs the one that can be written is. */
  decision = dirty();
  authz_authorizer **owner = (authz_authorizer **)(void *)(bytes + 1);
  CHECK(authz_slot_decide(slot, &connection, &decision, owner) == AUTHZ_STATUS_POINTER);
  CHECK(decision.verdict == AUTHZ_VERDICT_DENY && decision.reason == AUTHZ_REASON_NONE);
  authz_authorizer *kept = authorizer;
  CHECK(authz_slot_decide(slot, &connection, NULL, &kept) == AUTHZ_STATUS_POINTER && kept == NULL);
  authz_policy_set *loaded = policies;
  authz_findings **findings = (authz_findings **)(void *)(bytes + 1);
  CHECK(authz_policy_set_from_yaml(authz_text_of(POLICIES), NULL, &loaded, findings) == AUTHZ_STATUS_POINTER && loaded == NULL);
  loaded = policies;
  CHECK(authz_policy_set_load(NULL, 0, NULL, NULL, &loaded, findings) == AUTHZ_STATUS_POINTER && loaded == NULL);
}

static void wrong_sizes(void) {
  authz_connection connection = {0};
  DENIES(&connection, SIZE);
  const size_t wrong[] = {1, 8, sizeof connection - 1, 4097, SIZE_MAX};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    connection = plaintext("10.0.0.7", 9000);
    CHECK(authz_allows(authorizer, &connection));
    connection.size = wrong[i];
    DENIES(&connection, SIZE);
  }

  /* A newer header: what this library does not know may be zero, and nothing else. */
  struct {
    authz_connection known;
    uint64_t news[4];
  } newer = {.news = {0}};
  newer.known = plaintext("10.0.0.7", 9000);
  newer.known.size = sizeof newer;
  CHECK(authz_allows(authorizer, &newer.known));
  for (size_t i = 0; i < 4; i++) {
    newer.news[i] = (uint64_t)1 << (16 * i);
    DENIES(&newer.known, SIZE);
    newer.news[i] = 0;
  }
  CHECK(authz_allows(authorizer, &newer.known));

  authz_mesh mesh = {.size = sizeof mesh - 1};
  authz_load_options options = {.size = 0};
  authz_policy_set *loaded;
  CHECK(authz_policy_set_from_yaml(authz_text_of(POLICIES), &mesh, &loaded, NULL) == AUTHZ_STATUS_SIZE && loaded == NULL);
  authz_source source = {authz_text_of("a"), authz_text_of(POLICIES)};
  CHECK(authz_policy_set_load(&source, 1, NULL, &options, &loaded, NULL) == AUTHZ_STATUS_SIZE && loaded == NULL);
  authz_workload workload = {.size = sizeof workload + 1, .namespace_name = authz_text_of("foo")};
  authz_authorizer *made;
  workload.size = 3;
  CHECK(authz_authorizer_new(policies, &workload, &made) == AUTHZ_STATUS_SIZE && made == NULL);
}

static void unknown_numbers(void) {
  const uint32_t unknown[] = {4, 255, 65536, UINT32_MAX};
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
    authz_connection connection = plaintext("10.0.0.7", 9000);
    connection.transport = unknown[i];
    DENIES(&connection, NUMBER);
    uint32_t *const facts[] = {&connection.remote_fact, &connection.destination_port_fact, &connection.peer_fact,
                               &connection.sni_fact, &connection.metadata_fact};
    connection.transport = AUTHZ_TRANSPORT_PLAINTEXT;
    for (size_t j = 0; j < sizeof facts / sizeof *facts; j++) {
      uint32_t before = *facts[j];
      *facts[j] = unknown[i];
      DENIES(&connection, NUMBER);
      *facts[j] = before;
    }
    CHECK(authz_allows(authorizer, &connection));
  }
  authz_connection connection = plaintext("10.0.0.7", 9000);
  connection.destination_port = 65536 + 9000;
  DENIES(&connection, NUMBER);
  for (uint32_t len = 1; len < 40; len++) {
    if (len != 4 && len != 16) {
      connection = plaintext("10.0.0.7", 9000);
      connection.source.len = len;
      DENIES(&connection, ADDRESS);
    }
  }
  CHECK(strcmp(authz_status_name(99), "?") == 0 && strcmp(authz_reason_name(99), "?") == 0);
  CHECK(strcmp(authz_verdict_name(2), "?") == 0 && strcmp(authz_shadow_name(4), "?") == 0);
  CHECK(strcmp(authz_severity_name(3), "?") == 0 && strcmp(authz_fact_set_name(3), "?") == 0);

  authz_policy_set *loaded;
  authz_source source = {authz_text_of("a"), authz_text_of(POLICIES)};
  authz_load_options options = {.size = sizeof options, .profile = 1};
  CHECK(authz_policy_set_load(&source, 1, NULL, &options, &loaded, NULL) == AUTHZ_STATUS_NUMBER);
  options = (authz_load_options){.size = sizeof options, .lenient = 2};
  CHECK(authz_policy_set_load(&source, 1, NULL, &options, &loaded, NULL) == AUTHZ_STATUS_NUMBER);
  options = (authz_load_options){.size = sizeof options, .reserved = 1};
  CHECK(authz_policy_set_load(&source, 1, NULL, &options, &loaded, NULL) == AUTHZ_STATUS_NUMBER);
  authz_provider provider = {.name = authz_text_of("opa")};
  authz_mesh mesh = {.size = sizeof mesh, .providers = &provider, .providers_len = 1};
  CHECK(authz_policy_set_load(&source, 1, &mesh, NULL, &loaded, NULL) == AUTHZ_STATUS_NUMBER);
  authz_provider_answer answer = {.provider = authz_text_of("opa"), .answer = 2};
  authz_decision decision = dirty();
  connection = plaintext("10.0.0.7", 9000);
  CHECK(authz_decide_answered(authorizer, &connection, &answer, 1, &decision) == AUTHZ_STATUS_NUMBER);
  CHECK(decision.verdict == AUTHZ_VERDICT_DENY);
}

static void contradictions(void) {
  authz_text san = authz_text_of("spiffe://cluster.local/ns/foo/sa/sleep");
  authz_peer *peer;
  CHECK(authz_peer_new(authorizer, &san, 1, &peer) == AUTHZ_STATUS_OK);
  const uint32_t without_identity[] = {AUTHZ_TRANSPORT_UNKNOWN, AUTHZ_TRANSPORT_PLAINTEXT, AUTHZ_TRANSPORT_TLS};
  for (size_t i = 0; i < 3; i++) {
    authz_connection connection = plaintext("10.0.0.7", 9000);
    connection.transport = without_identity[i];
    connection.peer_fact = AUTHZ_FACT_KNOWN;
    DENIES(&connection, CONTRADICTION);
    connection.uri_sans = &san;
    connection.uri_sans_len = 1;
    DENIES(&connection, CONTRADICTION);
    connection.peer_fact = AUTHZ_FACT_ABSENT;
    DENIES(&connection, CONTRADICTION);
    connection.peer_fact = AUTHZ_FACT_UNKNOWN;
    DENIES(&connection, CONTRADICTION);
  }
  authz_connection connection = plaintext("10.0.0.7", 9000);
  connection.transport = AUTHZ_TRANSPORT_MESH_MTLS;
  connection.peer_fact = AUTHZ_FACT_KNOWN;
  DENIES(&connection, POINTER);
  connection.uri_sans = &san;
  CHECK(authz_allows(authorizer, &connection));
  connection.uri_sans = NULL;
  connection.peer = peer;
  CHECK(authz_allows(authorizer, &connection));
  connection.uri_sans = &san;
  connection.uri_sans_len = 1;
  DENIES(&connection, CONTRADICTION);
  connection.uri_sans_len = 0;
  connection.peer_fact = AUTHZ_FACT_ABSENT;
  DENIES(&connection, CONTRADICTION);
  authz_peer_free(peer);

  connection = plaintext("10.0.0.7", 9000);
  connection.remote = connection.source;
  DENIES(&connection, CONTRADICTION);
  connection.remote_fact = AUTHZ_FACT_UNKNOWN;
  DENIES(&connection, CONTRADICTION);
  connection.remote.len = 0;
  connection.remote_fact = AUTHZ_FACT_KNOWN;
  DENIES(&connection, CONTRADICTION);
  connection = plaintext("10.0.0.7", 9000);
  connection.destination_port_fact = AUTHZ_FACT_UNKNOWN;
  DENIES(&connection, CONTRADICTION);
  connection = plaintext("10.0.0.7", 9000);
  connection.sni = authz_text_of("a.example");
  DENIES(&connection, CONTRADICTION);
  connection = plaintext("10.0.0.7", 9000);
  authz_metadata piece = {.filter = authz_text_of("f"), .key = authz_text_of("k"), .kind = AUTHZ_METADATA_KIND_LIST};
  connection.metadata = &piece;
  connection.metadata_len = 1;
  DENIES(&connection, CONTRADICTION);
  connection.metadata_fact = AUTHZ_FACT_KNOWN;
  CHECK(authz_allows(authorizer, &connection));
  piece.kind = AUTHZ_METADATA_KIND_TEXT;
  DENIES(&connection, CONTRADICTION);
  piece.kind = 0;
  DENIES(&connection, NUMBER);
  piece.values_len = 1;
  DENIES(&connection, POINTER);

  authz_label twice[2] = {{authz_text_of("app"), authz_text_of("a")}, {authz_text_of("app"), authz_text_of("b")}};
  authz_workload workload = {.size = sizeof workload, .namespace_name = authz_text_of("foo"), .labels = twice, .labels_len = 2};
  authz_authorizer *made;
  CHECK(authz_authorizer_new(policies, &workload, &made) == AUTHZ_STATUS_CONTRADICTION && made == NULL);
  workload.labels_len = 0;
  workload.namespace_name.len = 0;
  CHECK(authz_authorizer_new(policies, &workload, &made) == AUTHZ_STATUS_EMPTY && made == NULL);
}

/* What a failed call has left is no peer without a name, whom a DENY rule for any principal would let pass. */
static void failures_are_no_names(void) {
  authz_authorizer *nobody = authorizer_of(
      "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: nobody, namespace: foo},"
      " spec: {action: DENY, rules: [{from: [{source: {principals: ['*']}}]}]}}");
  authz_connection connection = plaintext("10.0.0.7", 9000);
  connection.transport = AUTHZ_TRANSPORT_MESH_MTLS;
  CHECK(authz_allows(nobody, &connection));
  connection.peer_fact = AUTHZ_FACT_KNOWN;
  authz_peer_names *names;
  CHECK(authz_peer_names_from_der((const uint8_t *)"no certificate", 14, &names) == AUTHZ_STATUS_CERTIFICATE && names == NULL);
  connection.uri_sans = authz_peer_names_data(names);
  connection.uri_sans_len = authz_peer_names_len(names);
  authz_decision decision = dirty();
  CHECK(authz_decide(nobody, &connection, &decision) == AUTHZ_STATUS_POINTER && decision.verdict == AUTHZ_VERDICT_DENY);
  authz_peer *peer;
  CHECK(authz_peer_new(nobody, authz_peer_names_data(names), authz_peer_names_len(names), &peer) == AUTHZ_STATUS_POINTER);
  CHECK(peer == NULL);
  connection.peer = peer;
  CHECK(!authz_allows(nobody, &connection));
  authz_authorizer_free(nobody);
}

static void too_many(void) {
  enum { SANS = 513 };
  static authz_text sans[SANS];
  for (size_t i = 0; i < SANS; i++) {
    sans[i] = authz_text_of("spiffe://cluster.local/ns/foo/sa/other");
  }
  sans[SANS - 1] = authz_text_of("spiffe://cluster.local/ns/foo/sa/sleep");
  authz_connection connection = plaintext("10.0.0.7", 9002);
  connection.transport = AUTHZ_TRANSPORT_MESH_MTLS;
  connection.peer_fact = AUTHZ_FACT_KNOWN;
  for (size_t len = 1; len < SANS; len++) {
    connection.uri_sans = sans + (SANS - len);
    connection.uri_sans_len = len;
    CHECK(authz_allows(authorizer, &connection));
  }
  connection.uri_sans = sans;
  connection.uri_sans_len = SANS;
  DENIES(&connection, TOO_MANY);
  connection.uri_sans_len = SIZE_MAX / 8;
  DENIES(&connection, TOO_MANY);
  authz_peer *peer;
  CHECK(authz_peer_new(authorizer, sans, SANS, &peer) == AUTHZ_STATUS_OK);
  connection.uri_sans_len = 0;
  connection.peer = peer;
  CHECK(authz_allows(authorizer, &connection));
  authz_peer_free(peer);

  static authz_metadata pieces[129];
  static char keys[129];
  authz_text value = authz_text_of("v");
  for (size_t i = 0; i < 129; i++) {
    /* A key for each: as many letters as its place in a row of half the length, in one of two filters. */
    keys[i] = 'k';
    pieces[i] = (authz_metadata){.filter = authz_text_of(i % 2 == 0 ? "f" : "g"), .key = {keys, i / 2 + 1}, .values = &value,
                                 .values_len = 1, .kind = AUTHZ_METADATA_KIND_TEXT};
  }
  connection = plaintext("10.0.0.7", 9000);
  connection.metadata_fact = AUTHZ_FACT_KNOWN;
  connection.metadata = pieces;
  connection.metadata_len = 128;
  CHECK(authz_allows(authorizer, &connection));
  connection.metadata_len = 129;
  DENIES(&connection, TOO_MANY);
  connection.metadata_len = 128;
  pieces[127].key = pieces[1].key;
  DENIES(&connection, CONTRADICTION);
  connection.metadata_len = 1;
  pieces[0].kind = AUTHZ_METADATA_KIND_LIST;
  pieces[0].values = sans;
  pieces[0].values_len = SANS;
  DENIES(&connection, TOO_MANY);
}

/* A fact that cannot be read is not known: what does not depend on it is decided, what does is denied. */
static void invalid_utf8(void) {
  const authz_text broken = {"spiffe://cluster.local/ns/foo/sa/\xff", 34};
  authz_connection connection = plaintext("10.0.0.7", 9000);
  connection.transport = AUTHZ_TRANSPORT_MESH_MTLS;
  connection.peer_fact = AUTHZ_FACT_KNOWN;
  authz_text sans[2] = {authz_text_of("spiffe://cluster.local/ns/foo/sa/sleep"), broken};
  connection.uri_sans = sans;
  connection.uri_sans_len = 2;
  connection.sni_fact = AUTHZ_FACT_KNOWN;
  connection.sni = broken;
  authz_decision decision;
  CHECK(authz_decide(authorizer, &connection, &decision) == AUTHZ_STATUS_OK && decision.verdict == AUTHZ_VERDICT_ALLOW);
  connection.destination_port = 9002;
  CHECK(authz_decide(authorizer, &connection, &decision) == AUTHZ_STATUS_OK);
  CHECK(decision.verdict == AUTHZ_VERDICT_DENY && decision.reason == AUTHZ_REASON_UNKNOWN_FACT);
  CHECK(decision.needs == AUTHZ_FACT_SET_PEER);
  connection.uri_sans_len = 1;
  CHECK(authz_allows(authorizer, &connection));

  authz_peer *peer;
  CHECK(authz_peer_new(authorizer, sans, 2, &peer) == AUTHZ_STATUS_UTF8 && peer == NULL);
  authz_policy_set *loaded;
  CHECK(authz_policy_set_from_yaml(broken, NULL, &loaded, NULL) == AUTHZ_STATUS_UTF8 && loaded == NULL);
  authz_workload workload = {.size = sizeof workload, .namespace_name = broken};
  authz_authorizer *made;
  CHECK(authz_authorizer_new(policies, &workload, &made) == AUTHZ_STATUS_UTF8 && made == NULL);
  authz_mesh mesh = {.size = sizeof mesh, .trust_domain = broken};
  CHECK(authz_policy_set_from_yaml(authz_text_of(POLICIES), &mesh, &loaded, NULL) == AUTHZ_STATUS_UTF8);
  authz_address parsed;
  CHECK(authz_address_parse(broken, &parsed) == AUTHZ_STATUS_UTF8 && parsed.len == 0);
}

static void texts_without_policies(void) {
  authz_policy_set *loaded;
  authz_findings *findings;
  CHECK(authz_policy_set_from_yaml(authz_text_of(""), NULL, &loaded, NULL) == AUTHZ_STATUS_NO_POLICIES && loaded == NULL);
  authz_text other = authz_text_of("{apiVersion: v1, kind: Service, metadata: {name: a}}");
  CHECK(authz_policy_set_from_yaml(other, NULL, &loaded, &findings) == AUTHZ_STATUS_NO_POLICIES && loaded == NULL);
  authz_findings_free(findings);
  authz_source source = {authz_text_of("a"), other};
  authz_load_options options = {.size = sizeof options, .allow_empty = 1};
  CHECK(authz_policy_set_load(&source, 1, NULL, &options, &loaded, NULL) == AUTHZ_STATUS_OK && authz_policy_set_len(loaded) == 0);
  authz_policy_set_free(loaded);
  CHECK(authz_policy_set_from_yaml(authz_text_of("{apiVersion: v1, kind: List, items: []}"), NULL, &loaded, NULL) ==
        AUTHZ_STATUS_OK);
  authz_policy_set_free(loaded);
  options.max_bytes = 10;
  options.allow_empty = 0;
  CHECK(authz_policy_set_load(&source, 1, NULL, &options, &loaded, NULL) == AUTHZ_STATUS_LOAD && loaded == NULL);
}

static void addresses(void) {
  const char *const bad[] = {"", "10.0.0", "10.0.0.1:80", "[::1]", "fe80::1%eth0", "010.0.0.1", "localhost", " 10.0.0.1"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    authz_address parsed = {.len = 4};
    CHECK(authz_address_parse(authz_text_of(bad[i]), &parsed) == AUTHZ_STATUS_ADDRESS && parsed.len == 0);
  }
  /* An IPv4-mapped spelling slips past no rule. */
  authz_connection connection = plaintext("::ffff:10.66.0.1", 9000);
  CHECK(connection.source.len == 16 && !authz_allows(authorizer, &connection));
  connection = plaintext("::ffff:10.0.0.7", 9000);
  CHECK(authz_allows(authorizer, &connection));
}

int main(void) {
  policies = load(POLICIES);
  authorizer = authorizer_for(policies);
  CHECK(authz_slot_new(authorizer, &slot) == AUTHZ_STATUS_OK);
  null_everywhere();
  misaligned_pointers();
  wrong_sizes();
  unknown_numbers();
  contradictions();
  failures_are_no_names();
  too_many();
  invalid_utf8();
  texts_without_policies();
  addresses();
  authz_slot_free(slot);
  authz_authorizer_free(authorizer);
  authz_policy_set_free(policies);
  return 0;
}

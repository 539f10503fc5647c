/* What the test programs share: a check that says where it failed, and policies to decide with. */
#ifndef CHECK_H
#define CHECK_H

#include <authz.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                    \
  do {                                                                                      \
    if (!(condition)) {                                                                     \
      fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);         \
      exit(1);                                                                              \
    }                                                                                       \
  } while (0)

/* Two ports for everyone, a third for one identity, and nothing for one network. */
static const char POLICIES[] =
    "apiVersion: security.istio.io/v1\n"
    "kind: AuthorizationPolicy\n"
    "metadata: {name: ports, namespace: foo}\n"
    "spec:\n"
    "  selector: {matchLabels: {app: tcp-echo}}\n"
    "  action: ALLOW\n"
    "  rules:\n"
    "  - to: [{operation: {ports: ['9000', '9001']}}]\n"
    "  - from: [{source: {principals: [cluster.local/ns/foo/sa/sleep]}}]\n"
    "    to: [{operation: {ports: ['9002']}}]\n"
    "---\n"
    "apiVersion: security.istio.io/v1\n"
    "kind: AuthorizationPolicy\n"
    "metadata: {name: no-blocked, namespace: foo}\n"
    "spec:\n"
    "  action: DENY\n"
    "  rules: [{from: [{source: {ipBlocks: [10.66.0.0/16]}}]}]\n";

static inline int same(authz_text text, const char *expected) {
  return text.len == strlen(expected) && (text.len == 0 || memcmp(text.data, expected, text.len) == 0);
}

static inline authz_address address(const char *text) {
  authz_address parsed;
  CHECK(authz_address_parse(authz_text_of(text), &parsed) == AUTHZ_STATUS_OK);
  return parsed;
}

/* A plaintext connection of which everything is known. */
static inline authz_connection plaintext(const char *source, unsigned port) {
  authz_connection connection;
  memset(&connection, 0, sizeof connection);
  connection.size = sizeof connection;
  connection.source = address(source);
  connection.destination = address("10.0.0.9");
  connection.remote_fact = AUTHZ_FACT_ABSENT;
  connection.destination_port_fact = AUTHZ_FACT_KNOWN;
  connection.destination_port = port;
  connection.transport = AUTHZ_TRANSPORT_PLAINTEXT;
  connection.peer_fact = AUTHZ_FACT_ABSENT;
  connection.sni_fact = AUTHZ_FACT_ABSENT;
  connection.metadata_fact = AUTHZ_FACT_ABSENT;
  return connection;
}

static inline authz_policy_set *load(const char *text) {
  authz_policy_set *policies = NULL;
  CHECK(authz_policy_set_from_yaml(authz_text_of(text), NULL, &policies, NULL) == AUTHZ_STATUS_OK);
  CHECK(policies != NULL);
  return policies;
}

static inline authz_authorizer *authorizer_for(const authz_policy_set *policies) {
  authz_label app;
  app.key = authz_text_of("app");
  app.value = authz_text_of("tcp-echo");
  authz_workload workload;
  memset(&workload, 0, sizeof workload);
  workload.size = sizeof workload;
  workload.namespace_name = authz_text_of("foo");
  workload.labels = &app;
  workload.labels_len = 1;
  authz_authorizer *authorizer = NULL;
  CHECK(authz_authorizer_new(policies, &workload, &authorizer) == AUTHZ_STATUS_OK);
  CHECK(authorizer != NULL);
  return authorizer;
}

static inline authz_authorizer *authorizer_of(const char *text) {
  authz_policy_set *policies = load(text);
  authz_authorizer *authorizer = authorizer_for(policies);
  authz_policy_set_free(policies);
  return authorizer;
}

#endif

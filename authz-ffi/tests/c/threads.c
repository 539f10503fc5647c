/* Threads that decide with one authorizer, and with a slot whose authorizer is replaced under them. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

enum { READERS = 4, SWAPS = 500, DECISIONS = 2000 };

static authz_authorizer *shared;
static authz_slot *slot;
static atomic_bool done;

/* Every reader sees one set of policies or the other, whole. */
static void *read_slot(void *unused) {
  (void)unused;
  size_t decided = 0;
  while (!atomic_load(&done) || decided < 100) {
    authz_connection connection = plaintext("10.0.0.7", 9000);
    authz_decision decision;
    authz_authorizer *owner;
    CHECK(authz_slot_decide(slot, &connection, &decision, &owner) == AUTHZ_STATUS_OK);
    authz_text name = authz_policy_name(authz_decision_policy(&decision));
    if (decision.verdict == AUTHZ_VERDICT_ALLOW) {
      CHECK(decision.reason == AUTHZ_REASON_ALLOW_POLICY && same(name, "all"));
    } else {
      CHECK(decision.reason == AUTHZ_REASON_DENY_POLICY && same(name, "none"));
    }
    authz_authorizer_free(owner);
    authz_verdict before = decision.verdict;
    CHECK(authz_slot_decide_early(slot, &connection, &decision, NULL) == AUTHZ_STATUS_OK);
    CHECK(decision.needs == 0 && decision.rule == NULL);
    (void)before;
    (void)authz_slot_allows(slot, &connection);
    decided++;
  }
  return NULL;
}

static void *read_shared(void *at) {
  authz_connection connection = plaintext("10.0.0.7", 9000 + *(unsigned *)at % 3);
  bool expected = connection.destination_port < 9002;
  for (int i = 0; i < DECISIONS; i++) {
    authz_authorizer *own = authz_authorizer_clone(shared);
    CHECK(authz_allows(own, &connection) == expected);
    authz_authorizer_free(own);
    authz_decision decision;
    CHECK(authz_decide(shared, &connection, &decision) == AUTHZ_STATUS_OK);
    CHECK((decision.verdict == AUTHZ_VERDICT_ALLOW) == expected);
  }
  return NULL;
}

static void run(void *(*work)(void *), void (*meanwhile)(void)) {
  pthread_t threads[READERS];
  unsigned places[READERS];
  for (unsigned i = 0; i < READERS; i++) {
    places[i] = i;
    CHECK(pthread_create(&threads[i], NULL, work, &places[i]) == 0);
  }
  if (meanwhile != NULL) {
    meanwhile();
  }
  for (unsigned i = 0; i < READERS; i++) {
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
}

static const char ALL[] =
    "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: all, namespace: foo}, spec: {rules: [{}]}}";
static const char NONE[] =
    "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: none, namespace: foo},"
    " spec: {action: DENY, rules: [{}]}}";

static void swap(void) {
  for (int i = 0; i < SWAPS; i++) {
    authz_authorizer *next = authorizer_of(i % 2 == 0 ? NONE : ALL);
    CHECK(authz_slot_replace(slot, next) == AUTHZ_STATUS_OK);
    authz_authorizer_free(next);
  }
  atomic_store(&done, true);
}

int main(void) {
  shared = authorizer_of(POLICIES);
  run(read_shared, NULL);
  authz_authorizer_free(shared);

  authz_authorizer *first = authorizer_of(ALL);
  CHECK(authz_slot_new(first, &slot) == AUTHZ_STATUS_OK);
  authz_authorizer_free(first);
  run(read_slot, swap);
  authz_slot_free(slot);
  return 0;
}

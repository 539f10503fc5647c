/* Children decide with what their parent loaded, while threads of the parent were deciding. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static authz_authorizer *authorizer;
static authz_slot *slot;
static atomic_bool done;

static void *decide(void *unused) {
  (void)unused;
  authz_connection connection = plaintext("10.0.0.7", 9000);
  while (!atomic_load(&done)) {
    CHECK(authz_slot_allows(slot, &connection) && authz_allows(authorizer, &connection));
  }
  return NULL;
}

/* The work of a child: what its parent could do, it can. */
static void in_child(void) {
  alarm(120);
  authz_connection allowed = plaintext("10.0.0.7", 9000), denied = plaintext("10.66.0.7", 9000);
  authz_decision decision;
  CHECK(authz_decide(authorizer, &denied, &decision) == AUTHZ_STATUS_OK && decision.verdict == AUTHZ_VERDICT_DENY);
  CHECK(same(authz_policy_name(authz_decision_policy(&decision)), "no-blocked"));
  CHECK(authz_slot_allows(slot, &allowed) && !authz_slot_allows(slot, &denied));
  authz_authorizer *next = authorizer_of(POLICIES);
  CHECK(authz_slot_replace(slot, next) == AUTHZ_STATUS_OK);
  authz_authorizer_free(next);
  CHECK(authz_slot_allows(slot, &allowed));
}

int main(void) {
  authorizer = authorizer_of(POLICIES);
  CHECK(authz_slot_new(authorizer, &slot) == AUTHZ_STATUS_OK);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, decide, NULL) == 0);
  for (int i = 0; i < 8; i++) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      in_child();
      _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  atomic_store(&done, true);
  CHECK(pthread_join(thread, NULL) == 0);
  authz_slot_free(slot);
  authz_authorizer_free(authorizer);
  return 0;
}

/* The loop of a proxy: decides every connection once and counts those that pass. */
#include <authz.h>

typedef authz_status decide_fn(const authz_authorizer *, const authz_connection *, authz_decision *);

size_t decide_all(decide_fn *decide, const authz_authorizer *authorizer, const authz_connection *connections, size_t len);

size_t decide_all(decide_fn *decide, const authz_authorizer *authorizer, const authz_connection *connections, size_t len) {
  size_t allowed = 0;
  for (size_t i = 0; i < len; i++) {
    authz_decision decision;
    if (decide(authorizer, &connections[i], &decision) == AUTHZ_STATUS_OK && decision.verdict == AUTHZ_VERDICT_ALLOW) {
      allowed++;
    }
  }
  return allowed;
}

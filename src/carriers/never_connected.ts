// Whether an HTTP request failed before its first byte could be written: then the other side
// certainly does not have it.

/** Codes of Node, undici, and of the verification of certificates. */
const codes = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** @param error as thrown by the HTTP library */
export function isNeverConnected(error: unknown): boolean {
  // one for each address of the name
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isNeverConnected);
  return error instanceof Error && "code" in error && typeof error.code === "string" && codes.has(error.code);
}

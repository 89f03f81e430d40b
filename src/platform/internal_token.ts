// The token that the processes of this system share, and how a call that carries it is recognised.
// Used by the gRPC server of rpc and by salesapi's internal paths.
import { timingSafeEqual } from "node:crypto";
import { sha256 } from "./sha256.ts";

/**
 * Returns a check of an `Authorization: Bearer <token>` header or metadata entry. The scheme is
 * case-insensitive, as for API keys; the token is compared in constant time.
 */
export function createInternalTokenCheck(token: string): (authorization: string | undefined) => boolean {
  const expected = sha256(token);
  return (authorization) => {
    const given = /^Bearer +(.+)$/is.exec(authorization ?? "")?.[1];
    return given !== undefined && timingSafeEqual(sha256(given), expected);
  };
}

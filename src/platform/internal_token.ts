// The token that processes of this system share: how a call that carries it is recognised. Used by
// the gRPC server of rpc and by salesapi's internal paths.
import { timingSafeEqual } from "node:crypto";
import { sha256 } from "./sha256.ts";

/**
 * A check of an `Authorization: Bearer <token>` header or metadata entry. The scheme is matched in
 * any case, as for API keys; the token is compared byte by byte, in constant time.
 */
export function createInternalTokenCheck(token: string): (authorization: string | undefined) => boolean {
  const expected = sha256(token);
  return (authorization) => {
    const given = /^Bearer +(.+)$/is.exec(authorization ?? "")?.[1];
    return given !== undefined && timingSafeEqual(sha256(given), expected);
  };
}

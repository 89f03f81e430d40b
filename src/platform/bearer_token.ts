// The key in an Authorization header. Whose key it is, accounts knows.
import { AppError } from "../contracts/errors.ts";

/** Keys are long random words: more is not a key. */
const keyLengthMax = 200;

/** The key of an `Authorization: Bearer <key>` header. @throws AppError key_missing. */
export function bearerToken(authorization: string | undefined): string {
  const key = findBearerToken(authorization);
  if (key === null) throw new AppError("key_missing", "Send your API key as `Authorization: Bearer <key>`.");
  return key;
}

/** The same key however its header is spelt (case, spaces); null when there is none. */
export function findBearerToken(authorization: string | undefined): string | null {
  const key = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  return key === undefined || key.length > keyLengthMax ? null : key;
}

// Extracts the key from an Authorization header. Who owns the key is the business of accounts.
import { AppError } from "../contracts/errors.ts";

/** Keys are long random words; anything longer than this is not a key. */
const keyLengthMax = 200;

/** The key of an `Authorization: Bearer <key>` header. @throws AppError key_missing */
export function bearerToken(authorization: string | undefined): string {
  const key = findBearerToken(authorization);
  if (key === null) throw new AppError("key_missing", "Send your API key as `Authorization: Bearer <key>`.");
  return key;
}

/** The key, however the header is written (case, spaces); null when there is none. */
export function findBearerToken(authorization: string | undefined): string | null {
  const key = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  return key === undefined || key.length > keyLengthMax ? null : key;
}

// X-Twilio-Signature: base64 of HMAC-SHA1 by the auth token over the URL and, sorted by name, each
// field of the form (https://www.twilio.com/docs/usage/security). The simulator signs with it, the
// receiver of our receipts verifies.
import { createHmac, timingSafeEqual } from "node:crypto";
import type { FormFields } from "./form.ts";

export const signatureHeader = "x-twilio-signature";

const defaultPorts: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/**
 * @param url exactly as the receiver is asked for it, query and port included
 * @returns base64
 */
export function signTwilioRequest(token: string, url: string, fields: FormFields): string {
  return mac(token, url, fields).toString("base64");
}

/**
 * Whether the token signed this request. Twilio and the proxies before a receiver do not agree on
 * whether a URL has its port: with and without it are both taken, as the official libraries do.
 */
export function verifyTwilioRequest(token: string, signature: string, url: string, fields: FormFields): boolean {
  const given = Buffer.from(signature, "base64");
  // base64 is read leniently: another text of the same bytes is not what Twilio writes
  if (given.toString("base64") !== signature) return false;
  return spellingsOf(url).some((spelling) => {
    const expected = mac(token, spelling, fields);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

function mac(token: string, url: string, fields: FormFields): Buffer {
  const hash = createHmac("sha1", token).update(url);
  const values = new Map<string, string[]>();
  for (const [name, value] of fields) values.set(name, [...(values.get(name) ?? []), value]);
  for (const name of [...values.keys()].sort()) {
    // a repeated name counts each of its values once, in order
    for (const value of [...new Set(values.get(name))].sort()) hash.update(name + value);
  }
  return hash.digest();
}

/** The URL as given, with its scheme's port written out, and without any port. */
function spellingsOf(url: string): string[] {
  // the authority ends at the path, query or fragment; URL would rewrite the rest
  const match = /^(https?:)\/\/([^/?#]*@)?(\[[^\]]*\]|[^/?#:]*)(:\d+)?(?=[/?#]|$)/i.exec(url);
  if (match === null) return [url];
  const [head, scheme, user = "", host] = match as unknown as [string, string, string | undefined, string];
  const rest = url.slice(head.length);
  const withPort = match[4] === undefined ? `${scheme}//${user}${host}:${defaultPorts[scheme.toLowerCase()]}${rest}` : url;
  return [...new Set([url, withPort, `${scheme}//${user}${host}${rest}`])];
}

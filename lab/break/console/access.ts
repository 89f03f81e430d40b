// Who may press the lab's buttons: whoever has a link from its terminal. A secret is valid for one
// visit and becomes a cookie. Used by lab_server.ts.
import { createHash, randomBytes } from "node:crypto";

/** Links printed but not opened yet, and browsers admitted: one person uses a lab. */
const keptMax = 20;
const cookieName = "bulksms_lab";

export interface Entrance {
  newSecret(): string;
  /** A Set-Cookie for the secret, which is used up; null when it is unknown or was used. */
  enter(secret: string): string | null;
  isIn(cookies: string | undefined): boolean;
}

export function createEntrance(): Entrance {
  // hashes, compared by lookup: the timing reveals nothing about a secret
  const secrets = new Set<string>();
  const visitors = new Set<string>();
  return {
    newSecret() {
      const secret = randomBytes(24).toString("base64url");
      keep(secrets, hashOf(secret));
      return secret;
    },
    enter(secret) {
      if (!secrets.delete(hashOf(secret))) return null;
      const value = randomBytes(24).toString("base64url");
      keep(visitors, hashOf(value));
      return `${cookieName}=${value}; Path=/; HttpOnly; SameSite=Strict`;
    },
    isIn(cookies = "") {
      const values = cookies.split(";").flatMap((pair) => {
        const [name, value] = pair.trim().split("=");
        return name === cookieName && value !== undefined ? [value] : [];
      });
      return values.some((value) => visitors.has(hashOf(value)));
    },
  };
}

/** Removes the oldest one. */
function keep(hashes: Set<string>, hash: string): void {
  const [oldest] = hashes;
  if (hashes.size >= keptMax && oldest !== undefined) hashes.delete(oldest);
  hashes.add(hash);
}

const hashOf = (text: string): string => createHash("sha256").update(text).digest("base64");

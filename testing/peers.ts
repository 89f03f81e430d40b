// Programs of others that tests of the project foreign compare us with. One that is not installed
// is named aloud as left out, and the test that needs it is skipped, never passed.
import type { TestContext } from "vitest";
import { findOnPath } from "../src/local/engines/bound_process.ts";

/**
 * Peer -> the names of its program, and what brings it on Debian. Kannel's test programs lie beside
 * its libraries.
 */
const peers = {
  tshark: { programs: ["tshark"], packages: "tshark" },
  /** The carrier that Kannel tests its client with. */
  drive_smpp: { programs: ["drive_smpp"], packages: "kannel-extras" },
  docker: { programs: ["docker"], packages: "docker.io docker-compose" },
  openssl: { programs: ["openssl"], packages: "openssl" },
  /** For its pseudo terminals. */
  python: { programs: ["python3"], packages: "python3" },
  /** An SMPP client, and HTTP in front of it. */
  bearerbox: { programs: ["bearerbox"], packages: "kannel" },
  smsbox: { programs: ["smsbox"], packages: "kannel" },
  libreoffice: { programs: ["soffice", "libreoffice"], packages: "libreoffice-calc" },
} as const;

export type PeerName = keyof typeof peers;

/**
 * @param path where to look: by default PATH, and where Debian keeps test programs
 * @returns the program's path, or null after a line on stderr that says what is left out and why
 */
export function findPeer(name: PeerName, path?: string): string | null {
  const { programs, packages } = peers[name];
  for (const program of programs) {
    const file = findOnPath(program, path ?? `${process.env.PATH ?? ""}:/usr/lib/kannel/test`);
    if (file !== null) return file;
  }
  process.stderr.write(`LEFT OUT: ${name} is not installed (Debian: apt-get install ${packages})\n`);
  return null;
}

/** The peer's path. Without the peer, the test of this context ends here as skipped. */
export function requirePeer(name: PeerName, { skip }: Pick<TestContext, "skip">): string {
  return findPeer(name) ?? skip(`${name} is not installed`);
}

// Finds a TCP port that nobody listens on. Used for engines, listeners of the six processes and
// tests.
import { chmodSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive, type RememberedProcess, rememberProcess } from "./bound_process.ts";

/** `preferred` if it is free on `host`, else a port that the system picks. */
export async function freePort(host: string, preferred: number, taken: ReadonlySet<number> = new Set()): Promise<number> {
  if (preferred !== 0 && !taken.has(preferred) && (await tryListen(host, preferred)) !== null) return preferred;
  // The system cycles through its range, so it does not pick a port twice in a row.
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = await tryListen(host, 0);
    if (port !== null && !taken.has(port)) return port;
  }
  throw new Error(`no free TCP port on ${host}`);
}

/**
 * Like freePort, but no other supervisor on this machine gets the same port while this process
 * lives: between our check and the moment when a child listens, a second copy starting at the same
 * time would find it free too.
 */
export async function claimPort(host: string, preferred: number, taken: Set<number>): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort(host, preferred, taken);
    taken.add(port);
    if (attempt >= 100 || claim(port)) return port;
  }
}

/** Releases this process's own claim; a claim of another process stays. */
export function releasePort(port: number): void {
  if (readClaim(port)?.pid === process.pid) removeClaim(port);
}

/** False if another live process has claimed it. */
function claim(port: number): boolean {
  const mine = rememberProcess(process.pid);
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    try {
      writeFileSync(claimFile(port), JSON.stringify(mine), { flag: "wx" });
      return true;
    } catch (error) {
      // no such folder, or no permission: do without a claim
      if ((error as { code?: string }).code !== "EEXIST") return true;
    }
    const holder = readClaim(port);
    if (holder !== null && holder.pid !== process.pid && isAlive(holder)) return false;
    if (holder?.pid === process.pid) return true;
    removeClaim(port);
  }
  return true;
}

/**
 * We cannot remove the claim of another user's dead process (sticky folder): then the port is used
 * without a claim, as nobody listens there.
 */
function removeClaim(port: number): void {
  try {
    unlinkSync(claimFile(port));
  } catch {
    // gone already, or another user's
  }
}

function readClaim(port: number): RememberedProcess | null {
  try {
    return JSON.parse(readFileSync(claimFile(port), "utf8")) as RememberedProcess;
  } catch {
    return null;
  }
}

function claimFile(port: number): string {
  const folder = join(tmpdir(), "bulksms-ports");
  try {
    mkdirSync(folder);
    // shared by all users of the machine, each of whom can remove only their own files (like /tmp
    // itself)
    chmodSync(folder, 0o1777);
  } catch {
    // it exists already
  }
  return join(folder, String(port));
}

function tryListen(host: string, port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      const found = typeof address === "object" && address !== null ? address.port : null;
      server.close(() => resolve(found));
    });
  });
}

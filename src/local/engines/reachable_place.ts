// Postgres refuses to run as root, so under root it runs as `nobody`, who must be able to reach its
// files. Here stands who that is, and where files go when their own place is closed to others (a
// home with mode 0700).
import { createHash } from "node:crypto";
import { accessSync, chmodSync, constants, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

/** The traditional ids of nobody and nogroup; they need no entry in /etc/passwd. */
const nobody = { uid: 65534, gid: 65534 } as const;

/** Who runs Postgres: nobody under root, else ourselves (null). */
export function serverUser(): typeof nobody | null {
  return process.getuid?.() === 0 ? nobody : null;
}

/** Whether others may walk into every folder above `path`. */
export function isReachableByOthers(path: string): boolean {
  const above = dirname(resolve(path));
  if ((statSync(above).mode & 0o001) === 0) return false;
  return above === "/" || isReachableByOthers(above);
}

/**
 * A folder for files of `owner` (a path) outside of closed homes. Bound to `mark`: when the owner's
 * folder was deleted and made anew, the mark is another, and what the old one left behind here is
 * removed.
 */
export function outsidePlace(owner: string, mark: string): string {
  const folder = join(outsideRoot(), createHash("sha256").update(resolve(owner)).digest("hex").slice(0, 16));
  const markFile = join(folder, "belongs_to");
  if (readOrNull(markFile) !== mark) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(markFile, mark);
  }
  chmodSync(folder, 0o711);
  return folder;
}

/** Reachable by everybody, writable by root alone. */
export function outsideRoot(): string {
  for (const parent of ["/var/lib", "/var/tmp", tmpdir()]) {
    const folder = join(parent, "bulksms");
    try {
      mkdirSync(folder, { recursive: true });
      chmodSync(folder, 0o755);
      accessSync(folder, constants.W_OK);
      return folder;
    } catch {
      // a read-only system folder: the next one
    }
  }
  return tmpdir();
}

/**
 * Where what was fetched once is kept for every clone of this user (XDG base directory
 * specification).
 */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const base = environment.XDG_CACHE_HOME || join(environment.HOME || homedir(), ".cache");
  for (const folder of [join(base, "bulksms"), join(tmpdir(), `bulksms-cache-${process.getuid?.() ?? 0}`)]) {
    try {
      mkdirSync(folder, { recursive: true });
      accessSync(folder, constants.W_OK);
      return folder;
    } catch {
      // no home, or one that cannot be written: the temporary folder
    }
  }
  return tmpdir();
}

function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

// Postgres refuses to run as root, so under root it runs as `nobody`, who must be able to reach its
// files. This file defines who that is, and where files go if their own place is closed to others
// (a home with mode 0700).
import { createHash } from "node:crypto";
import { accessSync, chmodSync, constants, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

/** The traditional ids of nobody and nogroup; they need no entry in /etc/passwd. */
const nobody = { uid: 65534, gid: 65534 } as const;

/** The user that runs Postgres: nobody under root, else ourselves (null). */
export function serverUser(): typeof nobody | null {
  return process.getuid?.() === 0 ? nobody : null;
}

/** Whether others may traverse every folder above `path`. */
export function isReachableByOthers(path: string): boolean {
  const above = dirname(resolve(path));
  if ((statSync(above).mode & 0o001) === 0) return false;
  return above === "/" || isReachableByOthers(above);
}

/**
 * A folder outside of private homes for files of `owner` (a path). Bound to `mark`: if the owner's
 * folder was deleted and created anew, the mark differs, and what the old one left here is removed.
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

/** Reachable by everybody, writable only by root. */
export function outsideRoot(): string {
  for (const parent of ["/var/lib", "/var/tmp", tmpdir()]) {
    const folder = join(parent, "bulksms");
    try {
      mkdirSync(folder, { recursive: true });
      chmodSync(folder, 0o755);
      accessSync(folder, constants.W_OK);
      return folder;
    } catch {
      // a read-only system folder: try the next one
    }
  }
  return tmpdir();
}

/** Where downloads are kept for all clones of this user (XDG base directory specification). */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const base = environment.XDG_CACHE_HOME || join(environment.HOME || homedir(), ".cache");
  for (const folder of [join(base, "bulksms"), join(tmpdir(), `bulksms-cache-${process.getuid?.() ?? 0}`)]) {
    try {
      mkdirSync(folder, { recursive: true });
      accessSync(folder, constants.W_OK);
      return folder;
    } catch {
      // no home, or not writable: use the temporary folder
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

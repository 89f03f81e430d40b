// Builds when the last build was of other sources, or when what it made is not all there. Called by
// `npm start`, `npm run demo` and `npm run lab`. Compares contents, not times: a checkout, a copy
// or a `touch` changes times alone, and some change contents without them.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
/** All that a build reads, or that says how it is done; the lock file stands for node_modules. */
const inputs = ["src", "bin", "patches", "package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json"];
const output = "dist";
const stampFile = join(root, output, ".build_stamp.json");

const sources = digestOf(inputs, (path) => !path.endsWith(".test.ts"));
if (!isBuilt()) build();

function isBuilt() {
  if (!existsSync(stampFile)) return false;
  try {
    const stamp = JSON.parse(readFileSync(stampFile, "utf8"));
    return stamp.sources === sources && stamp.output === digestOfOutput();
  } catch {
    // cut short by a kill
    return false;
  }
}

function build() {
  // a build that is interrupted leaves none
  rmSync(stampFile, { force: true });
  const { status } = spawnSync("npm", ["run", "build", "--silent"], { cwd: root, stdio: "inherit", shell: process.platform === "win32" });
  if (status !== 0) process.exit(status ?? 1);
  writeFileSync(stampFile, JSON.stringify({ sources, output: digestOfOutput() }));
}

function digestOfOutput() {
  return digestOf([output], (path) => path !== join(output, ".build_stamp.json"));
}

/**
 * Of the names and contents of all files at or below these paths of the project, and of the Node
 * that builds.
 */
function digestOf(paths, isMeant) {
  const hash = createHash("sha256").update(process.version);
  for (const path of paths.flatMap(filesAt).filter(isMeant).sort()) {
    const bytes = readFileSync(join(root, path));
    hash.update(`\n${path.replaceAll(sep, "/")} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}

function filesAt(path) {
  const found = statSync(join(root, path), { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (!found.isDirectory()) return [path];
  return readdirSync(join(root, path), { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(path, entry.parentPath.slice(join(root, path).length), entry.name));
}

// Of which sources the build is, and whether what it made is all there: contents, not times,
// because a checkout, a copy or a `touch` changes times alone, and some change contents without
// them.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";

/** All that a build reads, or that says how it is done; the lock file stands for node_modules. */
const inputs = ["src", "bin", "patches", "package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json"];
const output = "dist";
const stampName = join(output, ".build_stamp.json");

/**
 * The stamp of the project in this folder, with its sources as they are now: ask it before a build,
 * and write it after. A source that changes meanwhile then makes the next one build again.
 */
export function readBuildStamp(root) {
  const stampFile = join(root, stampName);
  const sources = digestOf(root, inputs, (path) => !path.endsWith(".test.ts"));
  const digestOfOutput = () => digestOf(root, [output], (path) => path !== stampName);
  return {
    isCurrent() {
      if (!existsSync(stampFile)) return false;
      try {
        const stamp = JSON.parse(readFileSync(stampFile, "utf8"));
        return stamp.sources === sources && stamp.output === digestOfOutput();
      } catch {
        // cut short by a kill
        return false;
      }
    },
    remove: () => rmSync(stampFile, { force: true }),
    write: () => writeFileSync(stampFile, JSON.stringify({ sources, output: digestOfOutput() })),
  };
}

/**
 * Of the names and contents of all files at or below these paths of the project, and of the Node
 * that builds.
 */
function digestOf(root, paths, isMeant) {
  const hash = createHash("sha256").update(process.version);
  const files = paths.flatMap((path) => filesAt(root, path));
  for (const path of files.filter(isMeant).sort()) {
    const bytes = readFileSync(join(root, path));
    hash.update(`\n${path.replaceAll(sep, "/")} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}

function filesAt(root, path) {
  const found = statSync(join(root, path), { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (!found.isDirectory()) return [path];
  return readdirSync(join(root, path), { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(path, entry.parentPath.slice(join(root, path).length), entry.name));
}

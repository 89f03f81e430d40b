// Builds when the last build was of other sources, or when what it made is not all there. Called by
// `npm start`, `npm run demo` and `npm run lab`.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readBuildStamp } from "./build_stamp.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const stamp = readBuildStamp(root);
if (!stamp.isCurrent()) build();

function build() {
  // a build that is interrupted leaves none
  stamp.remove();
  const { status } = spawnSync("npm", ["run", "build", "--silent"], { cwd: root, stdio: "inherit", shell: process.platform === "win32" });
  if (status !== 0) process.exit(status ?? 1);
  stamp.write();
}

// Copies what tsc leaves behind (SQL migrations, .proto) next to the compiled code. Called by `npm
// run build`.
import { cpSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const kept = [".sql", ".proto"];
for (const name of readdirSync(join(root, "src"), { recursive: true })) {
  if (kept.some((end) => name.endsWith(end))) cpSync(join(root, "src", name), join(root, "dist", name));
}

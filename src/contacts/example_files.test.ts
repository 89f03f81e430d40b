import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isExampleFile } from "./example_files.ts";

const folder = join(import.meta.dirname, "../../examples");
const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

test("every file of the examples is known by its bytes, and no other", () => {
  const files = readdirSync(folder).filter((name) => name.endsWith(".csv"));
  expect(files.length).toBeGreaterThan(0);
  for (const name of files) {
    const bytes = readFileSync(join(folder, name));
    expect(isExampleFile(sha256(bytes)), name).toBe(true);
    expect(isExampleFile(sha256(Buffer.concat([bytes, Buffer.from("\n")]))), name).toBe(false);
  }
});

// How often the disk makes one small write durable: what every commit waits for.
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A page of Postgres. */
const block = Buffer.alloc(8_192, 1);
const writesMin = 5;

/** One write after the other, each durable before the next. */
export function measureDiskSync(runMs: number): { writes: number; seconds: number } {
  const folder = mkdtempSync(join(tmpdir(), "bulksms-sync-"));
  const handle = openSync(join(folder, "file"), "w");
  try {
    const startedAt = performance.now();
    let writes = 0;
    while (performance.now() - startedAt < runMs || writes < writesMin) {
      writeSync(handle, block);
      fdatasyncSync(handle);
      writes += 1;
    }
    return { writes, seconds: (performance.now() - startedAt) / 1_000 };
  } finally {
    closeSync(handle);
    rmSync(folder, { recursive: true, force: true });
  }
}

// A data folder whose databases exist and are migrated, made once for all clusters of a run: each
// starts on a copy of it, instead of making two database servers and migrating them anew. vitest's
// globalSetup of the projects system and proof; `startCluster` takes the copies.
// (The first start in an empty folder: up.system.test.ts, commands.system.test.ts.)
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSystem } from "../src/cli/system.ts";

/** Where it is, for the workers of vitest. Not a setting of ours: those begin with BULKSMS_. */
const variable = "TEST_DATA_FOLDER_TEMPLATE";

/** @returns the teardown */
export default async function setup(): Promise<() => void> {
  const parent = mkdtempSync(join(tmpdir(), "bulksms-template-"));
  // under root the servers run as another user, who must get to their files
  chmodSync(parent, 0o711);
  const dataFolder = join(parent, "folder");
  const system = createSystem({ dataFolder, environment: {}, processes: [], wantsFreePorts: true, isWithoutWorkspace: true });
  await system.start();
  await system.stop();
  // which processes it had
  rmSync(join(dataFolder, "state.json"), { force: true });
  process.env[variable] = dataFolder;
  return () => rmSync(parent, { recursive: true, force: true });
}

/** A temporary folder of one's own: a copy of the template, or empty outside of vitest. */
export function newDataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "bulksms-cluster-"));
  chmodSync(folder, 0o711);
  const template = process.env[variable];
  if (template === undefined) return folder;
  // by cp, which keeps the files' owner
  const { status, stderr } = spawnSync("cp", ["-a", `${template}/.`, folder], { encoding: "utf8" });
  if (status === 0) return folder;
  rmSync(folder, { recursive: true, force: true });
  throw new Error(`the data folder's template could not be copied: ${stderr}`);
}

// The whole system of one machine as the command line starts it: the supervisor with our migrations and our own program as the children's.
// Behind `bulksms up`, `bulksms demo` and lab/cluster.
import { fileURLToPath } from "node:url";
import { createSupervisor, type Supervisor, type SupervisorOptions } from "../platform/supervisor.ts";
import { type DemoWorkspace, ensureDemoWorkspace } from "./demo_workspace.ts";
import { migrateDatabases } from "./migrate.ts";

export type SystemOptions = Omit<SupervisorOptions, "program" | "prepareDatabases"> & {
  /** Does not make the demo's workspace and key (lab/cluster with fewer processes). */
  isWithoutWorkspace?: boolean;
  /** Makes a new workspace with its first credit, whatever the data folder remembers (the demo begins with exactly 1,000). */
  wantsFreshWorkspace?: boolean;
};

export interface System extends Supervisor {
  /** Known once started. */
  workspace(): DemoWorkspace;
}

/** From src as from dist, two folders up: the program itself, which runs the compiled code. */
const programFile = fileURLToPath(new URL("../../bin/bulksms.js", import.meta.url));

export function createSystem({ isWithoutWorkspace = false, wantsFreshWorkspace = false, ...options }: SystemOptions): System {
  const supervisor = createSupervisor({
    ...options,
    program: { command: process.execPath, args: [programFile] },
    prepareDatabases: async (settings) => {
      await migrateDatabases(settings);
    },
  });
  let workspace: DemoWorkspace | null = null;
  return {
    ...supervisor,
    async start() {
      await supervisor.start();
      if (isWithoutWorkspace) return;
      try {
        workspace = await ensureDemoWorkspace(supervisor.dataFolder(), supervisor.settings(), { isFresh: wantsFreshWorkspace });
      } catch (error) {
        await supervisor.stop();
        throw error;
      }
    },
    workspace() {
      if (workspace === null) throw new Error("the system has not started");
      return workspace;
    },
  };
}

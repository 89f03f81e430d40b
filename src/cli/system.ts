// The whole system on one machine, as the command line starts it: the supervisor with our
// migrations, and our own program for the child processes. Behind `bulksms up`, `bulksms demo` and
// testing/.
import { fileURLToPath } from "node:url";
import { settings as defaults } from "../contracts/settings.ts";
import type { LawSources } from "../laws/check_laws.ts";
import { createSupervisor, type Supervisor, type SupervisorOptions } from "../local/supervisor.ts";
import { mintConsoleLink } from "./console_link.ts";
import { type DemoWorkspace, ensureDemoWorkspace } from "./demo_workspace.ts";
import type { startLawsNews } from "./laws_news.ts";
import { migrateDatabases } from "./migrate.ts";

export type SystemOptions = Omit<SupervisorOptions, "program" | "prepareDatabases"> & {
  /** Does not create the demo's workspace and key (testing/ with fewer processes). */
  isWithoutWorkspace?: boolean;
  /**
   * Creates a new workspace with its first credit, whatever the data folder has (the demo starts
   * with exactly 1,000).
   */
  wantsFreshWorkspace?: boolean;
};

export interface System extends Supervisor {
  /** Known after the start. */
  workspace(): DemoWorkspace;
}

/** Two folders up, from src as from dist: the program itself, which runs the compiled code. */
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

/** A link into the console, for the system's own workspace. */
export function consoleLink(system: System): Promise<string> {
  const { BULKSMS_WEBAPI_URL: webapiUrl = "", BULKSMS_ADMIN_KEY: adminKey = "" } = system.settings();
  return mintConsoleLink({ webapiUrl, adminKey, workspaceId: system.workspace().workspaceId });
}

/** What the audit of this system reads, and where it publishes its results. */
export function lawsNewsOptions(system: System): Pick<Parameters<typeof startLawsNews>[0], "sources" | "redis"> {
  const settings = system.settings();
  return {
    sources: lawSources(system),
    redis: {
      redisUrl: settings.BULKSMS_REDIS_URL ?? "",
      namespace: settings.BULKSMS_REDIS_NAMESPACE ?? defaults.BULKSMS_REDIS_NAMESPACE.default,
    },
  };
}

export function lawSources(system: System): LawSources {
  const {
    BULKSMS_CHECK_DS_URL: dsUrl = "",
    BULKSMS_CHECK_SALESDB_URL: salesdbUrl = "",
    BULKSMS_SIMULATOR_DATA: simulatorFolder = "",
  } = system.settings();
  return { dsUrl, salesdbUrl, simulatorFolder };
}

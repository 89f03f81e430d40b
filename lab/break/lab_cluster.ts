// A cluster to be broken on purpose: every link goes through a proxy, a dead process or engine can
// be kept down, and each start can get other settings.
import type { ProcessName } from "../../src/contracts/processes.ts";
import type { EngineName } from "../../src/local/supervised_engines.ts";
import type { SystemSettings } from "../../src/local/system_settings.ts";
import { topUpCredit } from "../../testing/campaigns.ts";
import { type Cluster, startCluster } from "../../testing/cluster.ts";
import { openLinks, type WiredLinks } from "../../testing/links/links.ts";
import { createRandom } from "../../testing/random.ts";

export interface LabCluster extends Cluster {
  links: WiredLinks;
  /**
   * Extra environment for the next starts of a process (a crash point, a preload); null removes it.
   */
  setEnvironment(name: ProcessName, environment: Readonly<Record<string, string>> | null): void;
  /** Keeps `name` down after its next death, until the returned function is called. */
  holdDown(name: ProcessName | EngineName): () => void;
}

export interface LabClusterOptions {
  /** Override the lab's own settings. */
  settings?: SystemSettings;
  /** Seed of the links' random choices. */
  seed?: number;
}

/**
 * A carrier so slow that most of a campaign is still to be submitted while the first messages are
 * in flight; short chunks and leases.
 */
export const labSettings: SystemSettings = {
  BULKSMS_SIMULATOR_PROFILE: "answered",
  BULKSMS_SIMULATOR_SPEED: "20",
  BULKSMS_SIMULATOR_MPS_MAX: "200",
  BULKSMS_CHUNK_ROWS: "25",
  BULKSMS_LEASE_MS: "2500",
  BULKSMS_SUBMIT_TIMEOUT_MS: "1200",
  BULKSMS_SIMULATOR_RECEIPTS_PER_BODY: "10",
  // log everything that can be logged: law L14
  BULKSMS_LOG_LEVEL: "debug",
  // where a campaign has a deadline of seconds, its messages expire so much later
  BULKSMS_RECEIPT_HORIZON_S: "2",
};

/** Enough for every campaign of a cluster: laws compare what was spent, not what is left. */
const topUpCredits = "1000000.0";

export async function startLabCluster({ settings = {}, seed = 1 }: LabClusterOptions = {}): Promise<LabCluster> {
  const links = await openLinks(createRandom(seed));
  const environments = new Map<ProcessName, Readonly<Record<string, string>>>();
  const holds = new Map<string, Set<Promise<void>>>();
  const releases = new Set<() => void>();
  const intervention = {
    settingsOf: (name: ProcessName, own: SystemSettings) => ({ ...links.settingsOf(name, own), ...environments.get(name) }),
    async beforeRestart(name: ProcessName | EngineName) {
      for (let held = holds.get(name); held !== undefined && held.size > 0; held = holds.get(name)) await Promise.all(held);
    },
  };
  let cluster: Cluster | null = null;
  try {
    const started = await startCluster({ settings: { ...labSettings, ...settings }, intervention });
    cluster = started;
    await topUpCredit(started, topUpCredits);
    return {
      ...started,
      links,
      setEnvironment(name, environment) {
        if (environment === null) environments.delete(name);
        else environments.set(name, environment);
      },
      holdDown(name) {
        let release = (): void => {};
        const held = new Promise<void>((resolve) => {
          release = resolve;
        });
        const all = holds.get(name) ?? new Set();
        holds.set(name, all.add(held));
        const end = (): void => {
          all.delete(held);
          releases.delete(end);
          release();
        };
        releases.add(end);
        return end;
      },
      async stop() {
        for (const release of releases) release();
        await started.stop();
        await links.close();
      },
    };
  } catch (error) {
    await cluster?.stop();
    await links.close();
    throw error;
  }
}

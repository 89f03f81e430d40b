// A lab in a browser: a lab cluster, its controls, its verdict and the server for its page. Called
// by `lab console` and the browser tests.
import { type LabCluster, startLabCluster } from "../lab_cluster.ts";
import { buildPage } from "./build_page.ts";
import { createControls } from "./controls.ts";
import { openLabServer } from "./lab_server.ts";
import { watchVerdict } from "./verdict.ts";

export interface LabConsole {
  cluster: LabCluster;
  /** Another link, valid for one visit. */
  link(): string;
  close(): Promise<void>;
}

export interface LabConsoleOptions {
  /** 0 picks a free one. */
  port?: number;
  onNote?: (what: string) => void;
}

export async function openLabConsole({ port = 0, onNote = () => {} }: LabConsoleOptions = {}): Promise<LabConsole> {
  const files = await buildPage();
  // a lab that is used for hours keeps no debug lines, and is slow enough to be watched
  const cluster = await startLabCluster({ settings: { BULKSMS_LOG_LEVEL: "warn", BULKSMS_SIMULATOR_MPS_MAX: "40" } });
  const controls = createControls(cluster, onNote);
  const verdict = watchVerdict(cluster);
  const state = () => ({ ...controls.state(), verdict: { ...verdict.now(), faults: controls.faults() } });
  const stop = async (): Promise<void> => {
    await verdict.close();
    // a frozen process cannot be stopped
    await controls.repair();
    await cluster.stop();
  };
  try {
    const listener = await openLabServer({ port, files, webapiUrl: cluster.urls.webapi ?? "", apiKey: cluster.adminKey, controls, state });
    return {
      cluster,
      link: listener.link,
      async close() {
        await listener.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

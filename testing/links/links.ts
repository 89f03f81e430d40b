// Every link of the real system by its name, each through a proxy of its own, so that a fault can
// be put on it. Wired by lab/break/lab_cluster.ts.
import { databaseRoles, type ProcessName, processes, processNames } from "../../src/contracts/processes.ts";
import type { SettingName } from "../../src/contracts/settings.ts";
import type { SystemSettings } from "../../src/local/system_settings.ts";
import { type LinkMode, type LinkOptions, type LinkProxy, openProxy } from "./proxy.ts";

export type { LinkMode, LinkOptions } from "./proxy.ts";

/** What a process talks to: an engine, or another process. */
export type LinkTarget = "ds" | "salesdb" | "redis" | "rpc" | "simulator" | "salesapi";

export const linkFaultModes = ["reset", "blackhole", "drop_replies", "delay", "slow"] as const satisfies readonly LinkMode[];

export interface Link {
  /** `sales_worker-simulator` */
  name: string;
  from: ProcessName;
  to: LinkTarget;
  set(mode: LinkMode, options?: LinkOptions): void;
  mode(): LinkMode;
  /** Connections that the present mode has affected since it was set. */
  touches(): number;
}

export interface Links {
  all(): readonly Link[];
  /** @throws Error naming those that there are */
  link(name: string): Link;
}

export interface WiredLinks extends Links {
  /** Settings of a process about to start, with the proxies in place of its neighbours. */
  settingsOf(name: ProcessName, settings: SystemSettings): SystemSettings;
  close(): Promise<void>;
}

interface LinkEntry {
  from: ProcessName;
  to: LinkTarget;
  /** Tells `from` where `to` is. */
  setting: SettingName;
}

/** Follows from the process table: its database, Redis, and whom it calls. */
export const linkTable: readonly LinkEntry[] = processNames.flatMap((from) => {
  const { database, usesRedis, calls } = processes[from];
  const entries: LinkEntry[] = [];
  if (database !== null) {
    const setting = (databaseRoles[database] as Record<string, SettingName>)[from];
    if (setting !== undefined) entries.push({ from, to: database, setting });
  }
  if (usesRedis) entries.push({ from, to: "redis", setting: "BULKSMS_REDIS_URL" });
  for (const to of calls) entries.push({ from, to: to as LinkTarget, setting: addressSetting(from, to) });
  return entries;
});

export const linkNames: readonly string[] = linkTable.map(({ from, to }) => `${from}-${to}`);

/** @param random in [0, 1), from the run's seed: which reply is the lost one */
export async function openLinks(random: () => number): Promise<WiredLinks> {
  const wired = await Promise.all(
    linkTable.map(async (entry) => {
      const proxy = await openProxy(random);
      return { entry, proxy, link: linkOf(entry, proxy) };
    }),
  );
  const links = wired.map(({ link }) => link);
  return {
    all: () => links,
    link(name) {
      const found = links.find((link) => link.name === name);
      if (found === undefined) throw new Error(`there is no link ${name}; there are ${linkNames.join(", ")}`);
      return found;
    },
    settingsOf(name, settings) {
      const changed = { ...settings };
      for (const { entry, proxy } of wired) {
        const address = settings[entry.setting];
        if (entry.from !== name || address === undefined) continue;
        const [target, through] = reroute(address, proxy.port);
        proxy.aim(target);
        changed[entry.setting] = through;
      }
      return changed;
    },
    async close() {
      await Promise.all(wired.map(({ proxy }) => proxy.close()));
    },
  };
}

function linkOf({ from, to }: LinkEntry, proxy: LinkProxy): Link {
  return { name: `${from}-${to}`, from, to, set: proxy.set, mode: proxy.mode, touches: proxy.touches };
}

function addressSetting(from: ProcessName, to: ProcessName): SettingName {
  if (to === "rpc") return "BULKSMS_RPC_ADDRESS";
  if (to === "simulator") return "BULKSMS_SIMULATOR_URL";
  return from === "simulator" ? "BULKSMS_SIMULATOR_RECEIPTS_URL" : "BULKSMS_SALESAPI_URL";
}

/** A URL or `host:port` taken apart: where it leads, and the same by way of `port` here. */
function reroute(address: string, port: number): [target: { host: string; port: number }, through: string] {
  const isUrl = address.includes("://");
  const url = new URL(isUrl ? address : `tcp://${address}`);
  const target = { host: url.hostname, port: Number(url.port) };
  url.hostname = "127.0.0.1";
  url.port = String(port);
  return [target, isUrl ? url.href : url.host];
}

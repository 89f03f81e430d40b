// `bulksms send` in a real terminal, which Python opens: it asks before anybody is texted, and only
// a yes that somebody types sends.
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { askHttp } from "../../testing/api_client.ts";
import { type Cluster, startCluster } from "../../testing/cluster.ts";
import { findPeer, requirePeer } from "../../testing/peers.ts";
import { keys, openPseudoTerminal, type PseudoTerminal } from "../../testing/pseudo_terminal.ts";
import { waitFor } from "../../testing/wait_for.ts";
import type { BulksmsAnswer } from "../contracts/http.ts";

// a whole system, and a command that is started anew for each answer
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const root = join(import.meta.dirname, "..", "..");
const fiveContacts = join(root, "examples", "5_contacts.csv");
const question = "Text 5 people for at most 0.5 credits? [y/N]";

let cluster: Cluster | undefined;
let terminal: PseudoTerminal | undefined;
beforeAll(async () => {
  if (findPeer("python") !== null) cluster = await startCluster();
});
afterEach(() => {
  terminal?.child.kill("SIGKILL");
});
afterAll(() => cluster?.stop());

/** The command up to its question. */
async function untilAsked(python: string, name: string): Promise<PseudoTerminal> {
  const { dataFolder } = cluster as Cluster;
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([variable]) => !variable.startsWith("BULKSMS_")));
  const command = [process.execPath, join(root, "bin", "bulksms.js"), "send", fiveContacts, "--text", "Hi {first_name}!"];
  const asked = openPseudoTerminal(python, [...command, "--name", name, "--deadline", "20s", "--data", dataFolder], inherited);
  terminal = asked;
  await waitFor("the question", () => asked.shown().includes(question));
  return asked;
}

async function campaignNames(): Promise<string[]> {
  const { urls, apiKey } = cluster as Cluster;
  const { body } = await askHttp<{ bulksms: BulksmsAnswer[] }>("GET", `${urls.salesapi}/bulksms`, { key: apiKey });
  return body.bulksms.map(({ name }) => name);
}

describe("send in a terminal", () => {
  it.for([
    ["n", `n${keys.enter}`, 1],
    ["Enter alone", keys.enter, 1],
    ["Ctrl-D", keys.ctrlD, 1],
    ["Ctrl-C", keys.ctrlC, 130],
  ] as const)("that is answered by %s sends nothing, says so and exits as documented", async ([name, typed, exitCode], context) => {
    const python = requirePeer("python", context);
    const asked = await untilAsked(python, name);
    asked.type(typed);
    expect(await asked.ended).toBe(exitCode);
    expect(asked.shown()).toContain("nothing was created");
    expect(await campaignNames()).not.toContain(name);
  });

  it("sends after y", async (context) => {
    const python = requirePeer("python", context);
    const asked = await untilAsked(python, "yes");
    asked.type(`y${keys.enter}`);
    expect(await asked.ended).toBe(0);
    expect(asked.shown()).toMatch(/campaign .*[0-9a-f-]{36}/);
    expect(await campaignNames()).toContain("yes");
  });
});

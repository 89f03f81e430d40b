// Campaigns over the published ports of a Compose project, so that one is always under way while
// containers die. Any request may meet a dead process: it is asked again.
import { join } from "node:path";
import { type Connection, openConnection } from "../../../src/cli/connection.ts";
import { openContacts } from "../../../src/cli/contacts_source.ts";
import { Failure } from "../../../src/cli/failure.ts";
import { exitCodes } from "../../../src/cli/report_error.ts";
import { formatCount } from "../../../src/cli/terminal.ts";
import type { BulksmsAnswer } from "../../../src/contracts/http.ts";
import { countIn, isCampaignIn } from "../../../src/contracts/states.ts";
import { deadlineIn } from "../../../src/platform/time/deadline.ts";
import { sleep } from "../../../src/platform/time/sleep.ts";
import { projectRoot, type Stack } from "./stack.ts";

export interface Progress {
  /** Of the campaign, from 1. */
  number: number;
  ended: number;
  contacts: number;
}

export interface Campaigns {
  /** Resolves while a campaign has much still to be sent; starts another when none has. */
  untilUnderWay(): Promise<Progress>;
  /** Waits until all have ended. @returns how @throws when one did not end as it should */
  finish(): Promise<string>;
  /** Of all campaigns. */
  contacts(): number;
  close(): Promise<void>;
}

const contactsFile = join(projectRoot, "examples", "oulu_students_5000.csv");
const text = "Hello {first_name}, the library is open late this week.";
const credits = "100000.0";
/** What of a campaign must still be unsent when something is killed. */
const unsentShare = 0.2;
const answerMaxMs = 180_000;
const finishMaxMs = 600_000;
const pauseMs = 500;

export async function openCampaigns(stack: Stack, signal: AbortSignal): Promise<Campaigns> {
  const { webapiUrl, salesapiUrl } = stack;
  const connection = openConnection({ webapiUrl, salesapiUrl, apiKey: await openWorkspace(stack, signal) });
  const started: { id: string; contacts: number }[] = [];

  async function start(): Promise<void> {
    const fields = { text, name: `compose ${started.length + 1}` };
    const source = await openContacts(contactsFile);
    const { id, contacts } = await patiently("the campaign to be created", signal, () => connection.create({ source, fields }));
    await patiently("the campaign to run", signal, () => run(connection, id));
    started.push({ id, contacts });
  }
  const read = (id: string) =>
    patiently("the campaign to be read", signal, () =>
      connection.callSalesapi<BulksmsAnswer>("the campaign was not read", "GET", `/bulksms/${id}`),
    );
  return {
    async untilUnderWay() {
      for (;;) {
        const current = started.at(-1);
        const campaign = current === undefined ? null : await read(current.id);
        if (campaign !== null && isUnderWay(campaign)) {
          return { number: started.length, ended: countIn("final", campaign.counts), contacts: campaign.contacts };
        }
        // one that still takes its credit will run; one with too little left is followed by another
        if (campaign === null || campaign.status !== "reserving") await start();
        await sleep(pauseMs, signal);
        signal.throwIfAborted();
      }
    },
    async finish() {
      const deadline = deadlineIn(finishMaxMs);
      for (const { id, contacts } of started) {
        let campaign = await read(id);
        while (!isCampaignIn("ended", campaign.status)) {
          if (deadline.isOver()) throw new Error(`campaign ${id} has not ended: ${JSON.stringify(campaign.counts)}`);
          await sleep(pauseMs, signal);
          signal.throwIfAborted();
          campaign = await read(id);
        }
        if (campaign.status !== "finished" || countIn("final", campaign.counts) !== contacts) {
          throw new Error(`campaign ${id} ended as ${campaign.status}: ${JSON.stringify(campaign.counts)}`);
        }
      }
      return `${started.length} of ${formatCount(started[0]?.contacts ?? 0)} contacts each`;
    },
    contacts: () => started.reduce((sum, { contacts }) => sum + contacts, 0),
    close: () => connection.close(),
  };
}

function isUnderWay({ status, counts, contacts }: BulksmsAnswer): boolean {
  return status === "running" && counts.pending > unsentShare * contacts;
}

/** A repeat after a lost answer finds the campaign running, which is what was wanted. */
async function run(connection: Connection, id: string): Promise<void> {
  try {
    await connection.callSalesapi("the campaign was not run", "POST", "/run", { bulksms_id: id });
  } catch (error) {
    const { status } = await connection.callSalesapi<BulksmsAnswer>("the campaign was not read", "GET", `/bulksms/${id}`);
    if (status === "ready") throw error;
  }
}

/** With credit for every campaign, and a key of its own. A repeat may leave a workspace unused. */
async function openWorkspace({ webapiUrl, salesapiUrl, adminKey }: Stack, signal: AbortSignal): Promise<string> {
  const admin = openConnection({ webapiUrl, salesapiUrl, apiKey: adminKey });
  const post = <T>(path: string, body: unknown): Promise<T> =>
    patiently(`an answer to POST ${path}`, signal, () => admin.callWebapi<T>(`POST ${path} failed`, "POST", path, body));
  try {
    const workspace = await post<{ id: string }>("/workspaces", { name: "compose" });
    await post(`/workspaces/${workspace.id}/credit`, { amount: credits });
    const key = { name: "compose", scopes: ["send", "read"], workspace_id: workspace.id };
    return (await post<{ key: string }>("/keys", key)).key;
  } finally {
    await admin.close();
  }
}

/** Asks again while nobody answers. @throws a refusal at once; else the last error at the limit */
async function patiently<T>(what: string, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  const deadline = deadlineIn(answerMaxMs);
  for (;;) {
    signal.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      const isRefusal = error instanceof Failure && error.exitCode !== exitCodes.noAnswer;
      const reason = error instanceof Failure ? `${error.message}: ${error.why}` : (error as Error).message;
      if (isRefusal) throw new Error(reason, { cause: error });
      if (deadline.isOver()) throw new Error(`waited in vain for ${what}: ${reason}`, { cause: error });
      await sleep(pauseMs, signal);
      signal.throwIfAborted();
    }
  }
}

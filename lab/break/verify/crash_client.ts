// A client that never gives up, as a customer's careful program: it repeats unanswered requests
// with the same Idempotency-Key.
import type { BulksmsAnswer } from "../../../src/contracts/http.ts";
import { idempotencyKeyHeader } from "../../../src/contracts/idempotency.ts";
import type { NewMessage } from "../../../src/contracts/messages.ts";
import { deadlineIn } from "../../../src/platform/time/deadline.ts";
import { sleep } from "../../../src/platform/time/sleep.ts";
import { type Answer, askHttp, bodyOf, type CommandName } from "../../../testing/api_client.ts";
import { apiOf } from "../../../testing/campaigns.ts";
import type { LabCluster } from "../lab_cluster.ts";

/** From a crash to a system that answers again, on two busy cores. */
const patienceMs = 40_000;
const pauseMs = 100;
const answerMaxMs = 10_000;

export interface Answered<T = { id: string }> extends Answer<T> {
  /** With those before it that were in vain: cut off, refused for a while, not answered in time. */
  attempts: number;
}

export interface CrashClient {
  /** Uploads with the key until it is answered 201. */
  create(name: string, csv: string, options?: CreateOptions): Promise<Answered>;
  /** Sends one text, with a key, until it is answered. */
  message(name: string, message: NewMessage): Promise<Answered>;
  /** Until there is an answer that is not of passing trouble. */
  command(word: CommandName, bulksmsId: string, caller?: Caller, more?: Record<string, unknown>): Promise<Answered>;
  /** A new price list; @returns its version */
  setPrice(part: string): Promise<number>;
  read(bulksmsId: string): Promise<BulksmsAnswer>;
  /** A workspace of its own with so much credit, a decimal string. */
  makeWorkspace(name: string, credit: string): Promise<Caller>;
  topUp(caller: Caller, credit: string): Promise<void>;
  /** What the carrier has of a batch: sums from its journal. */
  batch(bulksmsId: string): Promise<Record<string, number>>;
}

export interface CreateOptions {
  /** The demo's workspace if omitted. */
  caller?: Caller;
  deadlineS?: number;
  /** The simulator behind the own dialect if omitted. */
  carrier?: string;
}

export interface Caller {
  workspaceId: string;
  apiKey: string;
}

export function openCrashClient(cluster: LabCluster): CrashClient {
  const own: Caller = { workspaceId: cluster.workspaceId, apiKey: cluster.apiKey };

  const apiFor = (key: string) => apiOf(cluster, { key, timeoutMs: answerMaxMs });
  const admin = apiFor(cluster.adminKey);
  const topUp = async (caller: Caller, credit: string) => {
    bodyOf(await insist(() => admin.topUp(caller.workspaceId, credit)));
  };
  return {
    async create(name, csv, { caller = own, deadlineS, carrier } = {}) {
      const chosen = { ...(deadlineS === undefined ? {} : { deadline_s: deadlineS }), ...(carrier === undefined ? {} : { carrier }) };
      const fields = { name, text: "Hello {first_name}", ...chosen };
      const answer = await insist(() => apiFor(caller.apiKey).create(csv, fields, name.replaceAll(" ", "-")));
      bodyOf(answer);
      return answer;
    },
    async message(name, message) {
      const headers = { [idempotencyKeyHeader]: name.replaceAll(" ", "-") };
      const options = { key: own.apiKey, body: message, headers, timeoutMs: answerMaxMs };
      const answer = await insist(() => askHttp<{ id: string }>("POST", `${cluster.urls.salesapi}/messages`, options));
      bodyOf(answer);
      return answer;
    },
    command: (word, bulksmsId, caller = own, more = {}) => insist(() => apiFor(caller.apiKey).command(word, bulksmsId, more)),
    async setPrice(part) {
      return bodyOf(await insist(() => admin.setPrice(part))).version;
    },
    async read(bulksmsId) {
      return (await insist(() => apiFor(cluster.apiKey).campaign(bulksmsId))).body;
    },
    async makeWorkspace(name, credit) {
      const workspace = bodyOf(await insist(() => admin.createWorkspace(name)));
      const key = bodyOf(await insist(() => admin.createKey({ name, scopes: ["send", "read"], workspace_id: workspace.id })));
      const caller = { workspaceId: workspace.id, apiKey: key.key };
      await topUp(caller, credit);
      return caller;
    },
    topUp,
    async batch(bulksmsId) {
      const url = `${cluster.urls.simulator}/statistics?batch_id=${bulksmsId}`;
      const options = { key: cluster.settings.BULKSMS_SIMULATOR_KEY ?? null, timeoutMs: answerMaxMs };
      return (await insist(() => askHttp<Record<string, number>>("GET", url, options))).body;
    },
  };
}

/** Repeats a request until it has an answer that will not change by waiting. */
async function insist<T extends object>(ask: () => Promise<Answer<T>>): Promise<Answered<T>> {
  const deadline = deadlineIn(patienceMs);
  for (let attempts = 1; ; attempts++) {
    try {
      const answer = await ask();
      if (!isPassing(answer)) return { ...answer, attempts };
      if (deadline.isOver()) throw new Error(`the last answer is still ${answer.status}: ${JSON.stringify(answer.body)}`);
    } catch (error) {
      // fetch throws a TypeError for every broken connection, a DOMException for a silent one
      if (!(error instanceof TypeError || error instanceof DOMException || error instanceof SyntaxError)) throw error;
      if (deadline.isOver()) throw new Error("there is no answer", { cause: error });
    }
    await sleep(pauseMs);
  }
}

const isPassing = ({ status, body }: Answer<object>) => status >= 500 || status === 429 || body.code === "idempotency_key_in_flight";

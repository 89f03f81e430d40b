// A client that never gives up, as a customer's careful program: it repeats unanswered requests
// with the same Idempotency-Key.
import { setTimeout as sleep } from "node:timers/promises";
import type { CampaignView } from "../../../testing/campaigns.ts";
import type { LabCluster } from "../lab_cluster.ts";

/** From a crash to a system that answers again, on two busy cores. */
const patienceMs = 40_000;
const pauseMs = 100;
const answerMaxMs = 10_000;

export interface Answered {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
  /** Including failed attempts before it: cut off, refused for a while, not answered in time. */
  attempts: number;
}

export interface CrashClient {
  /** Uploads with the key until it is answered 201. */
  create(name: string, csv: string, options?: CreateOptions): Promise<Answered>;
  /** `run`, `pause`, `resume`, `cancel`: repeated until the answer is not a temporary error. */
  command(word: "run" | "pause" | "resume" | "cancel", bulksmsId: string, caller?: Caller): Promise<Answered>;
  read(bulksmsId: string): Promise<CampaignView>;
  /** Creates a workspace with this credit, a decimal string. */
  makeWorkspace(name: string, credit: string): Promise<Caller>;
  topUp(caller: Caller, credit: string): Promise<void>;
  /** What the carrier has of a batch: sums from its journal. */
  batch(bulksmsId: string): Promise<Record<string, number>>;
}

export interface CreateOptions {
  /** The demo's workspace if omitted. */
  caller?: Caller;
  deadlineS?: number;
}

export interface Caller {
  workspaceId: string;
  apiKey: string;
}

export function openCrashClient(cluster: LabCluster): CrashClient {
  const own: Caller = { workspaceId: cluster.workspaceId, apiKey: cluster.apiKey };

  const json = async (key: string, url: string, body: unknown): Promise<Record<string, unknown>> => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const answer = await insist(() => ({ url, method: "POST", headers, body: JSON.stringify(body) }));
    if (answer.status >= 300) throw new Error(`${url} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const topUp = async (caller: Caller, credit: string) => {
    await json(cluster.adminKey, `${cluster.urls.webapi}/workspaces/${caller.workspaceId}/credit`, { amount: credit });
  };
  return {
    async create(name, csv, { caller = own, deadlineS } = {}) {
      const answer = await insist(() => {
        const form = new FormData();
        form.set("name", name);
        form.set("text", "Hello {first_name}");
        if (deadlineS !== undefined) form.set("deadline_s", String(deadlineS));
        form.set("file", new File([csv], "contacts.csv", { type: "text/csv" }));
        const headers = { authorization: `Bearer ${caller.apiKey}`, "idempotency-key": name.replaceAll(" ", "-") };
        return { url: `${cluster.urls.salesapi}/create`, method: "POST", headers, body: form };
      });
      if (answer.status !== 201) throw new Error(`create ${name} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      return answer;
    },
    command(word, bulksmsId, caller = own) {
      const headers = { authorization: `Bearer ${caller.apiKey}`, "content-type": "application/json" };
      const body = JSON.stringify({ bulksms_id: bulksmsId });
      return insist(() => ({ url: `${cluster.urls.salesapi}/${word}`, method: "POST", headers, body }));
    },
    async read(bulksmsId) {
      const headers = { authorization: `Bearer ${cluster.apiKey}` };
      const answer = await insist(() => ({ url: `${cluster.urls.salesapi}/bulksms/${bulksmsId}`, method: "GET", headers }));
      return answer.body as unknown as CampaignView;
    },
    async makeWorkspace(name, credit) {
      const workspace = await json(cluster.adminKey, `${cluster.urls.webapi}/workspaces`, { name });
      const workspaceId = String(workspace.id);
      const key = await json(cluster.adminKey, `${cluster.urls.webapi}/keys`, {
        name,
        scopes: ["send", "read"],
        workspace_id: workspaceId,
      });
      const caller = { workspaceId, apiKey: String(key.key) };
      await topUp(caller, credit);
      return caller;
    },
    topUp,
    async batch(bulksmsId) {
      const headers = { authorization: `Bearer ${cluster.settings.BULKSMS_SIMULATOR_KEY}` };
      const url = `${cluster.urls.simulator}/statistics?batch_id=${bulksmsId}`;
      return (await insist(() => ({ url, method: "GET", headers }))).body as Record<string, number>;
    },
  };
}

interface HttpRequest {
  url: string;
  method: string;
  headers: Record<string, string>;
  body?: string | FormData;
}

/**
 * Repeats a request until its answer will not change by waiting. `make` creates it anew, since a
 * body can be read only once.
 */
async function insist(make: () => HttpRequest): Promise<Answered> {
  const endAt = performance.now() + patienceMs;
  for (let attempts = 1; ; attempts++) {
    const { url, ...request } = make();
    try {
      const response = await fetch(url, { ...request, signal: AbortSignal.timeout(answerMaxMs) });
      const body = (await response.json()) as Record<string, unknown>;
      if (!isPassing(response.status, body)) return { status: response.status, headers: response.headers, body, attempts };
      if (performance.now() > endAt) throw new Error(`${url} still answers ${response.status}: ${JSON.stringify(body)}`);
    } catch (error) {
      // fetch throws a TypeError for every broken connection, a DOMException for a silent one
      if (!(error instanceof TypeError || error instanceof DOMException || error instanceof SyntaxError)) throw error;
      if (performance.now() > endAt) throw new Error(`${url} does not answer`, { cause: error });
    }
    await sleep(pauseMs);
  }
}

const isPassing = (status: number, body: Record<string, unknown>) =>
  status >= 500 || status === 429 || body.code === "idempotency_key_in_flight";

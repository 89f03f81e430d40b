// Creates the workspace and the API key that the command line uses on a local machine. Called after
// the start of `bulksms up` and `bulksms demo`.
import type { DataFolder } from "../local/data_folder.ts";
import { EngineError } from "../local/engines/engine_error.ts";
import type { SystemSettings } from "../local/system_settings.ts";
import { type HttpClient, type HttpResponse, openHttpClient } from "../platform/http_client.ts";

/** The initial credit of a local workspace. */
const firstCredit = "1000.0";
/** webapi has reported ready; a first request may still wait for its connections. */
const answerMaxMs = 10_000;

export interface DemoWorkspace {
  workspaceId: string;
  apiKey: string;
}

/**
 * The workspace of this data folder with its key (scopes send and read); created over HTTP, with
 * 1,000 credits, if there is none yet. Kept in the data folder, where `send`, `status` and a second
 * start find it. `isFresh`: always a new one.
 * @throws EngineError when webapi refuses
 */
export async function ensureDemoWorkspace(
  folder: DataFolder,
  settings: SystemSettings,
  { isFresh = false }: { isFresh?: boolean } = {},
): Promise<DemoWorkspace> {
  const client = openHttpClient(settings.BULKSMS_WEBAPI_URL ?? "", { timeoutMs: answerMaxMs, connections: 1 });
  try {
    const remembered = isFresh ? null : await rememberedWorkspace(folder, client);
    const workspace = remembered ?? (await createDemoWorkspace(client, settings));
    folder.writeNote("workspace_id", workspace.workspaceId);
    folder.writeNote("api_key", workspace.apiKey);
    folder.writeSettings({ ...(settings as Record<string, string>), BULKSMS_API_KEY: workspace.apiKey });
    return workspace;
  } finally {
    await client.close();
  }
}

async function rememberedWorkspace(folder: DataFolder, client: HttpClient): Promise<DemoWorkspace | null> {
  const workspaceId = folder.note("workspace_id");
  const apiKey = folder.note("api_key");
  if (workspaceId === null || apiKey === null) return null;
  const answer = await client.request({
    method: "GET",
    path: `/workspaces/${workspaceId}`,
    headers: { authorization: `Bearer ${apiKey}` },
  });
  // not the same database as last time: it does not know them
  return answer.status === 200 ? { workspaceId, apiKey } : null;
}

async function createDemoWorkspace(client: HttpClient, settings: SystemSettings): Promise<DemoWorkspace> {
  const headers = { authorization: `Bearer ${settings.BULKSMS_ADMIN_KEY ?? ""}` };
  const workspaceId = wordOf(await client.request({ method: "POST", path: "/workspaces", headers, body: { name: "demo" } }), "id");
  const key = { name: "command line", scopes: ["send", "read"], workspace_id: workspaceId };
  const apiKey = wordOf(await client.request({ method: "POST", path: "/keys", headers, body: key }), "key");
  const topUp = await client.request({
    method: "POST",
    path: `/workspaces/${workspaceId}/credit`,
    headers: { ...headers, "idempotency-key": "first-credit" },
    body: { amount: firstCredit },
  });
  requireSuccess(topUp);
  return { workspaceId, apiKey };
}

function wordOf(answer: HttpResponse, field: string): string {
  requireSuccess(answer);
  const value = (answer.body as Record<string, unknown> | undefined)?.[field];
  if (typeof value === "string") return value;
  throw new EngineError("the demo workspace could not be created", `webapi's answer has no ${field}`, "start again with --verbose");
}

function requireSuccess(answer: HttpResponse): void {
  if (answer.status >= 200 && answer.status < 300) return;
  const problem = answer.body as { code?: string; detail?: string } | undefined;
  throw new EngineError(
    "the demo workspace could not be created",
    `webapi answered ${answer.status} ${problem?.code ?? ""} ${problem?.detail ?? ""}`.trim(),
    "start again with --verbose",
  );
}

// L12: a WebSocket client on the workspace and on each campaign of the run, through every fault. It
// reconnects after each cut, as any client does. Its last update must match the database.
import { WebSocket } from "ws";
import { formatCredits } from "../../../../src/contracts/credits.ts";
import { messageStatuses } from "../../../../src/contracts/states.ts";
import type { SocketUpdate } from "../../../../src/contracts/topics.ts";
import { createFinding, type Finding } from "../../../../src/laws/law.ts";
import { openPostgres } from "../../../../src/platform/postgres.ts";
import { waitUntil } from "../../../../src/platform/time/wait_until.ts";
import type { LabCluster } from "../../lab_cluster.ts";
import type { OpenWitness } from "../scenario.ts";

const againMs = 200;
/** The law's limit: versions are read again every 2 s. */
const quietMaxMs = 3_000;
/**
 * Extra time before the law's limit starts, for a webapi that has just started and for a busy
 * machine.
 */
const connectMaxMs = 20_000;

type HeardUpdate = Extract<SocketUpdate, { topic: "workspace_credit" | "bulksms_progress" }>;
type Channel = Pick<HeardUpdate, "topic" | "channel">;

export const socketClient: OpenWitness = async ({ cluster, bulksmsIds }) => {
  const channels: Channel[] = [
    { topic: "workspace_credit", channel: cluster.workspaceId },
    ...bulksmsIds.map((channel) => ({ topic: "bulksms_progress" as const, channel })),
  ];
  const finding = createFinding();
  const last = new Map<string, { version: number; seen: string }>();
  let socket: WebSocket | null = null;
  let isClosed = false;

  function hear(text: string): void {
    const { topic, channel, update } = JSON.parse(text) as HeardUpdate;
    finding.compared(1);
    const before = last.get(channel);
    if (before !== undefined && update.version < before.version)
      finding.broken(`${topic} ${channel}`, `version ${update.version} came after version ${before.version}`);
    last.set(channel, { version: update.version, seen: seenOf(update) });
  }

  function connect(): void {
    if (isClosed) return;
    socket = new WebSocket(`${cluster.urls.webapi?.replace("http", "ws")}/ws`, { headers: { authorization: `Bearer ${cluster.apiKey}` } });
    socket.on("open", () => socket?.send(JSON.stringify({ subscribe: channels })));
    socket.on("message", (data) => hear(String(data)));
    // an error is followed by a close
    socket.on("error", () => {});
    socket.on("close", () => setTimeout(connect, againMs).unref());
  }

  connect();
  return {
    async conclude() {
      const startedMs = performance.now();
      await waitUntil(() => last.size === channels.length && socket?.readyState === WebSocket.OPEN, connectMaxMs);
      const truth = await readTruth(cluster, bulksmsIds);
      await waitUntil(() => [...truth].every(([channel, seen]) => last.get(channel)?.seen === seen), quietMaxMs);
      judge(channels, last, truth, finding);
      return {
        law: "L12",
        title: "the last update of a WebSocket client = the database's, within 3 s; versions never fell",
        form: "settled",
        ...finding.result(),
        durationMs: Math.round(performance.now() - startedMs),
      };
    },
    async close() {
      isClosed = true;
      socket?.terminate();
    },
  };
};

function judge(
  channels: readonly Channel[],
  last: ReadonlyMap<string, { seen: string }>,
  truth: ReadonlyMap<string, string>,
  finding: Finding,
) {
  for (const { topic, channel } of channels) {
    const seen = last.get(channel)?.seen;
    if (seen === undefined) finding.broken(`${topic} ${channel}`, "no update ever arrived");
    else if (seen !== truth.get(channel)) finding.broken(`${topic} ${channel}`, `saw ${seen} last, the database has ${truth.get(channel)}`);
  }
}

/** The compared part of an update, as text. */
function seenOf(update: HeardUpdate["update"]): string {
  if ("bulksms_id" in update) {
    const counts = messageStatuses.map((status) => `${status} ${update.counts[status]}`).join(", ");
    return `version ${update.version}, ${update.status}, ${counts}, parts sent ${update.parts_sent}`;
  }
  return `version ${update.version}, available ${update.available}, held ${update.held}, spent ${update.spent}`;
}

/** By channel, in the format of seenOf; read with the read-only role, bypassing every proxy. */
async function readTruth(cluster: LabCluster, bulksmsIds: readonly string[]): Promise<Map<string, string>> {
  const open = (url: string | undefined) => openPostgres(url ?? "", { applicationName: "bulksms lab", connections: 1 });
  const [ds, salesdb] = [open(cluster.settings.BULKSMS_CHECK_DS_URL), open(cluster.settings.BULKSMS_CHECK_SALESDB_URL)];
  try {
    const truth = new Map<string, string>();
    for (const row of await ds<{ id: string; available: bigint; held: bigint; spent: bigint; version: bigint }[]>`
      select id, available, held, spent, version from workspace where id = ${cluster.workspaceId}`) {
      const [available, held, spent] = [row.available, row.held, row.spent].map(formatCredits);
      truth.set(row.id, `version ${row.version}, available ${available}, held ${held}, spent ${spent}`);
    }
    for (const row of await salesdb<Record<string, unknown>[]>`
      select id, version, status, parts_sent, ${salesdb(messageStatuses as unknown as string[])} from bulksms where id = any(${bulksmsIds as string[]})`) {
      const counts = messageStatuses.map((status) => `${status} ${row[status]}`).join(", ");
      truth.set(String(row.id), `version ${row.version}, ${row.status}, ${counts}, parts sent ${row.parts_sent}`);
    }
    return truth;
  } finally {
    await Promise.all([ds.end({ timeout: 1 }), salesdb.end({ timeout: 1 })]);
  }
}

// An import or an upload whose process ends: what the caller is answered, what the database holds,
// and what a person sees afterwards. Real processes, real signals, and the product's own leases.
import { execFile } from "node:child_process";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { BulksmsAnswer, CreateAnswer } from "../src/contracts/http.ts";
import { closePostgres, openPostgres, type Sql } from "../src/platform/postgres.ts";
import { type Answer, askHttp, uploadForm } from "./api_client.ts";
import { expectAllLawsToHold, readCampaign, readCredit } from "./campaigns.ts";
import { type Cluster, startCluster } from "./cluster.ts";

vi.setConfig({ testTimeout: 150_000, hookTimeout: 120_000 });

/** Promised from the signal to the state in the database. */
const stoppedWithinMs = 5_000;
/** Promised for a process that had no chance to say anything. */
const killedWithinMs = 60_000;
/** Enough that its import takes a second or more, on any machine, after its first rows. */
const rows = 250_000;
const programFile = join(import.meta.dirname, "..", "bin", "bulksms.js");

let cluster: Cluster;
let owner: Sql;
let file: Blob;
beforeAll(async () => {
  cluster = await startCluster();
  owner = openPostgres(cluster.settings.BULKSMS_SALESDB_OWNER_URL as string, { applicationName: "test", connections: 2 });
  const lines = Array.from({ length: rows }, (_, row) => `Student ${row},040${1_000_000 + row}\n`);
  // one piece: a form streams each piece of a blob by itself
  file = new Blob([`name,phone\n${lines.join("")}`]);
});
afterAll(async () => {
  if (owner !== undefined) await closePostgres(owner);
  await cluster?.stop();
});

/** Never rejects: a killed process answers nothing. */
async function create(name: string, content = file): Promise<Answer<CreateAnswer> | null> {
  const form = uploadForm(content, { text: "Hi {name}", name }, "students.csv");
  return askHttp<CreateAnswer>("POST", `${cluster.urls.salesapi}/create`, { key: cluster.apiKey, body: form }).catch(() => null);
}

interface Stored {
  id: string;
  status: string;
  lastError: string | null;
  messages: number;
  rejects: number;
  chunks: number;
  holdId: string | null;
}

async function stored(name: string): Promise<Stored | undefined> {
  const [found] = await owner<Stored[]>`
    select b.id, b.status, b.last_error as "lastError", b.hold_id as "holdId",
      (select count(*)::int from (select from bulksms_info i where i.bulksms_id = b.id limit 50000) first) as messages,
      (select count(*)::int from bulksms_reject r where r.bulksms_id = b.id) as rejects,
      (select count(*)::int from bulksms_chunk c where c.bulksms_id = b.id) as chunks
    from bulksms b where b.name = ${name}`;
  return found;
}

/** Some of its rows are in the database, and many are to come. */
const untilImporting = (name: string) =>
  cluster.waitFor(`${name} to be importing`, async () => {
    const found = await stored(name);
    return found?.status === "importing" && found.messages > 0 && found;
  });

const untilFailed = (name: string, limitMs: number) =>
  cluster.waitFor(
    `${name} to be import_failed`,
    async () => {
      const found = await stored(name);
      if (found?.status !== "import_failed") throw new Error(JSON.stringify(found));
      return found;
    },
    limitMs,
  );

const nothing = { messages: 0, rejects: 0, chunks: 0, holdId: null };

async function kill(signal: NodeJS.Signals): Promise<void> {
  const pid = cluster.pids().salesapi;
  expect(cluster.kill("salesapi", signal)).toBe(true);
  // asked for by whoever waits for the next one
  afterwards = () => cluster.waitFor("the next salesapi", () => cluster.pids().salesapi !== pid && cluster.isReady("salesapi"));
}
let afterwards: () => Promise<unknown> = async () => {};

async function status(id?: string): Promise<string> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([variable]) => !variable.startsWith("BULKSMS_")));
  const args = [programFile, "status", ...(id === undefined ? [] : [id]), "--data", cluster.dataFolder];
  return (await promisify(execFile)(process.execPath, args, { env: inherited })).stdout;
}

const listed = async (): Promise<BulksmsAnswer[]> =>
  (await askHttp<{ bulksms: BulksmsAnswer[] }>("GET", `${cluster.urls.salesapi}/bulksms`, { key: cluster.apiKey })).body.bulksms;

async function expectOfferedAgain(name: string, { id }: Stored, code: string): Promise<void> {
  expect(await readCampaign(cluster, id)).toMatchObject({ status: "import_failed", last_error: code, contacts: 0, hold_id: null });
  expect(await readCredit(cluster)).toMatchObject({ held: "0.0" });
  expect((await listed()).find((campaign) => campaign.id === id)).toMatchObject({ name, status: "import_failed", last_error: code });
  expect(await status()).toMatch(new RegExp(`${id} +${name} +import_failed`));
  expect(await status(id)).toMatch(new RegExp(`import_failed, ${code}: [\\s\\S]*no credit is held[\\s\\S]*npx bulksms send FILE`));
}

describe("SIGTERM of salesapi", () => {
  it("ends an import within 5 s as import_interrupted, by its own hand, and the file can be sent again", async () => {
    const created = create("stopped");
    await untilImporting("stopped");
    await kill("SIGTERM");
    const failed = await untilFailed("stopped", stoppedWithinMs);
    expect(failed).toMatchObject({ ...nothing, lastError: "import_interrupted" });
    expect(await created).toMatchObject({ status: 503, body: { code: "import_interrupted" } });
    expect((await created)?.headers.get("retry-after")).toBe("5");
    await afterwards();
    const end = cluster.events.findLast((event) => event.type === "process_died" && event.name === "salesapi");
    expect(end).toMatchObject({ code: 0 });
    await expectOfferedAgain("stopped", failed, "import_interrupted");
    expect(await create("again", new Blob(["name,phone\nAino,0401234501\n"]))).toMatchObject({ status: 201, body: { contacts: 1 } });
  });

  it("cuts an upload that is still arriving, with the same answer", async () => {
    const upload = startSlowUpload();
    await upload.accepted;
    // a later request has been through the same checks: the slow one is being received
    await listed();
    await kill("SIGTERM");
    const answer = await upload.answered;
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer.toLowerCase()).toContain("retry-after: 5");
    expect(answer).toContain('"code":"import_interrupted"');
    expect(answer).toContain("Send the file again.");
    await afterwards();
  });
});

/** A client that never gets to its end: a little of the file, again and again. */
function startSlowUpload(): { accepted: Promise<void>; answered: Promise<string> } {
  const { hostname, port } = new URL(cluster.urls.salesapi as string);
  const socket = connect(Number(port), hostname).setEncoding("utf8");
  const head = [
    "POST /create HTTP/1.1",
    `host: ${hostname}:${port}`,
    `authorization: Bearer ${cluster.apiKey}`,
    "content-type: multipart/form-data; boundary=b",
    "content-length: 10000000",
    "expect: 100-continue",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  socket.write('--b\r\ncontent-disposition: form-data; name="file"; filename="slow.csv"\r\n\r\nname,phone\n');
  const trickle = setInterval(() => socket.write("Aino,0401234501\n"), 100);
  let heard = "";
  const accepted = new Promise<void>((resolve) => {
    socket.on("data", (text: string) => {
      heard += text;
      if (heard.includes("100 Continue")) resolve();
    });
  });
  const answered = new Promise<string>((resolve) => {
    socket.once("close", () => {
      clearInterval(trickle);
      resolve(heard.replace("HTTP/1.1 100 Continue\r\n\r\n", ""));
    });
    // what is written into a closed connection is lost, which is what we look for
    socket.on("error", () => {});
  });
  return { accepted, answered };
}

describe("a killed salesapi", () => {
  it("leaves an import that is shown as failed within a minute, without a row", async () => {
    const created = create("killed");
    await untilImporting("killed");
    await kill("SIGKILL");
    expect(await created).toBeNull();
    await afterwards();
    expect((await listed()).find(({ name }) => name === "killed")).toMatchObject({ status: "importing" });
    const failed = await untilFailed("killed", killedWithinMs);
    expect(failed).toMatchObject({ ...nothing, lastError: "import_lost" });
    await expectOfferedAgain("killed", failed, "import_lost");
  });
});

describe("a cancel while a file is read", () => {
  it("ends the import, tells both callers, and keeps nothing", async () => {
    const created = create("canceled");
    const { id } = await untilImporting("canceled");
    expect((await listed()).find((campaign) => campaign.id === id)).toMatchObject({ status: "importing" });
    const canceled = await askHttp("POST", `${cluster.urls.salesapi}/cancel`, { key: cluster.apiKey, body: { bulksms_id: id } });
    expect(canceled).toMatchObject({ status: 202, body: { id } });
    expect(await created).toMatchObject({ status: 409, body: { code: "import_canceled" } });
    const failed = await untilFailed("canceled", stoppedWithinMs);
    expect(failed).toMatchObject({ ...nothing, lastError: "import_canceled" });
    await expectOfferedAgain("canceled", failed, "import_canceled");
    await expectAllLawsToHold(cluster);
  });
});

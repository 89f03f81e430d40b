// Kannel as a subject: the same messages over SMPP to the same simulator, handed over by HTTP as
// its users do, its receipts in a PostgreSQL of its own.
import { randomUUID } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgresServer } from "../../../src/local/engines/postgres_server.ts";
import { openPostgres } from "../../../src/platform/postgres.ts";
import { eachInSlots } from "../../../src/platform/time/slots.ts";
import { type Kannel, receiptTable, startKannel } from "../../../testing/kannel.ts";
import { waitFor } from "../../../testing/wait_for.ts";
import { msisdnOf } from "../subjects/contact_files.ts";

/** Delivered, undelivered, rejected. */
const finalReports = new Set(["1", "2", "16"]);
const runMaxMs = 600_000;

export interface KannelSubject {
  pids: Record<string, number>;
  /** @returns seconds from the first message handed over to the last final report */
  send(messages: number): Promise<number>;
  stop(): Promise<void>;
}

export interface KannelSubjectOptions {
  programs: { bearerbox: string; smsbox: string };
  smsc: { port: number; systemId: string; password: string };
  window: number;
  isBound(): Promise<boolean>;
}

export async function startKannelSubject({ programs, smsc, window, isBound }: KannelSubjectOptions): Promise<KannelSubject> {
  const folder = mkdtempSync(join(tmpdir(), "bulksms-kannel-store-"));
  chmodSync(folder, 0o711);
  const server = await startPostgresServer({ folder, mark: randomUUID(), preferredPort: 0, password: randomUUID(), databases: ["kannel"] });
  let kannel: Kannel | null = null;
  const stop = async (): Promise<void> => {
    await kannel?.stop();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const url = new URL(server.url("kannel"));
    const sql = openPostgres(url.href, { applicationName: "bulksms lab", connections: 1 });
    await sql.unsafe(receiptTable);
    await sql.end();
    const receiptStore = { host: url.hostname, port: Number(url.port), user: url.username, password: url.password, database: "kannel" };
    kannel = await startKannel({ programs, smsc, window, throughput: 0, receiptStore, inFlight: window }, isBound);
  } catch (error) {
    await stop();
    throw error;
  }
  const { send, reports, pids } = kannel;
  return {
    pids: { ...pids, kannel_postgres: server.pid },
    async send(messages) {
      reports.length = 0;
      const startedMs = performance.now();
      const numbers = Array.from({ length: messages }, (_, n) => msisdnOf(n));
      await eachInSlots(numbers, window, async (to) => {
        const status = await send({ to: String(to), text: "Hello" });
        if (status !== 202) throw new Error(`Kannel answered ${status}`);
      });
      const finals = () => reports.filter((type) => finalReports.has(type)).length;
      await waitFor(
        `${messages} final reports of Kannel`,
        () => finals() >= messages || Promise.reject(new Error(`${finals()}`)),
        runMaxMs,
      );
      return (performance.now() - startedMs) / 1_000;
    },
    stop,
  };
}

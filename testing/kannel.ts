// Debian's Kannel with one SMSC: bearerbox, smsbox, and an HTTP listener for the receipts that it
// reports. A peer: who sends more of the world's SMPP than anybody.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, createServer, get } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "./wait_for.ts";

export interface KannelOptions {
  programs: { bearerbox: string; smsbox: string };
  smsc: { port: number; systemId: string; password: string };
  /** Most unacknowledged submits. */
  window?: number;
  /** Messages a second. */
  throughput?: number;
  /** Where it keeps what receipts are to be joined with: in memory unless given. */
  receiptStore?: { host: string; port: number; user: string; password: string; database: string };
  /** Requests of `send` at once, on as many connections. */
  inFlight?: number;
}

export interface Kannel {
  /** @returns HTTP status of its sendsms */
  send(fields: Record<string, string>): Promise<number>;
  /**
   * Types of the receipts that it reported: 1 delivered, 2 undelivered, 4 buffered, 8 accepted,
   * 16 rejected.
   */
  reports: string[];
  /** Of bearerbox and smsbox. */
  pids: { bearerbox: number; smsbox: number };
  stop(): Promise<void>;
}

/** The table of a receipt store, as Kannel's manual has it. */
export const receiptTable = `
  create table dlr (smsc varchar(40), ts varchar(40), destination varchar(40), source varchar(40), service varchar(40),
    url varchar(255), mask int, status int, boxc varchar(40));
  create index dlr_ts on dlr (smsc, ts);`;

/** @param isBound whether the SMSC has seen its bind */
export async function startKannel(options: KannelOptions, isBound: () => Promise<boolean>): Promise<Kannel> {
  const folder = await mkdtemp(join(tmpdir(), "bulksms-kannel-"));
  const [admin, boxes, sendsms] = (await freePorts(3)) as [number, number, number];
  const reports: string[] = [];
  const listener = createServer((request, response) => {
    reports.push(new URL(request.url ?? "", "http://127.0.0.1").searchParams.get("type") ?? "");
    response.end("ok");
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port: reportsPort } = listener.address() as AddressInfo;
  const file = join(folder, "kannel.conf");
  await writeFile(file, configurationOf(options, folder, { admin, boxes, sendsms }));
  const started: ChildProcess[] = [];
  const start = (program: string): ChildProcess => {
    const box = spawn(program, ["-v", "4", file], { cwd: folder, stdio: "ignore" });
    started.push(box);
    return box;
  };
  const agent = new Agent({ keepAlive: true, maxSockets: options.inFlight ?? 1 });
  const stop = async (): Promise<void> => {
    for (const box of started.reverse()) {
      if (box.exitCode !== null || box.signalCode !== null) continue;
      const exited = once(box, "exit");
      box.kill("SIGKILL");
      await exited;
    }
    agent.destroy();
    listener.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const bearerbox = start(options.programs.bearerbox);
    await waitFor("Kannel's bind", isBound);
    const smsbox = start(options.programs.smsbox);
    const own = { username: "u", password: "p", from: "Oulu", "dlr-mask": "31", "dlr-url": `http://127.0.0.1:${reportsPort}/dlr?type=%d` };
    const ask = (fields: Record<string, string>) => statusOf(agent, sendsms, new URLSearchParams({ ...own, ...fields }));
    await waitFor("Kannel's smsbox", async () => (await fetch(`http://127.0.0.1:${sendsms}/`)).status > 0);
    return { send: ask, reports, pids: { bearerbox: bearerbox.pid ?? 0, smsbox: smsbox.pid ?? 0 }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const statusOf = (agent: Agent, port: number, query: URLSearchParams): Promise<number> =>
  new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path: `/cgi-bin/sendsms?${query}`, agent }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    }).on("error", reject);
  });

function configurationOf(
  { smsc, window = 10, throughput = 100, receiptStore }: KannelOptions,
  folder: string,
  ports: { admin: number; boxes: number; sendsms: number },
): string {
  const store = receiptStore === undefined ? "internal" : "pgsql";
  const groups = [
    `group = core\nadmin-port = ${ports.admin}\nadmin-password = x\nsmsbox-port = ${ports.boxes}\nadmin-interface = 127.0.0.1\nbox-allow-ip = 127.0.0.1`,
    `store-type = file\nstore-location = ${folder}/store\ndlr-storage = ${store}\nsms-resend-freq = 1\nsms-resend-retry = 3\n`,
    `group = smsc\nsmsc = smpp\nhost = 127.0.0.1\nport = ${smsc.port}\ntransceiver-mode = true\nsmsc-username = ${smsc.systemId}`,
    `smsc-password = ${smsc.password}\nsystem-type = ""\ninterface-version = 34\nmax-pending-submits = ${window}\nwait-ack = 8`,
    `enquire-link-interval = 2\nreconnect-delay = 1\nsource-addr-autodetect = yes\ndest-addr-ton = 1\ndest-addr-npi = 1\nthroughput = ${throughput}\n`,
    `group = smsbox\nbearerbox-host = 127.0.0.1\nbearerbox-port = ${ports.boxes}\nsendsms-port = ${ports.sendsms}\nsendsms-interface = 127.0.0.1\n`,
    "group = sendsms-user\nusername = u\npassword = p\nconcatenation = true\nmax-messages = 5\n",
    "group = sms-service\nkeyword = default\nmax-messages = 0\ntext = x\n",
  ];
  if (receiptStore !== undefined) {
    const { host, port, user, password, database } = receiptStore;
    const fields = "smsc timestamp destination source service url mask status boxc-id".split(" ");
    const columns = ["smsc", "ts", "destination", "source", "service", "url", "mask", "status", "boxc"];
    groups.push(
      `group = pgsql-connection\nid = dlr-db\nhost = ${host}\nport = ${port}\nusername = ${user}\npassword = ${password}\ndatabase = ${database}\nmax-connections = 4\n`,
      `group = dlr-db\nid = dlr-db\ntable = dlr\n${fields.map((field, index) => `field-${field} = ${columns[index]}`).join("\n")}\n`,
    );
  }
  return groups.join("\n");
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createTcpServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

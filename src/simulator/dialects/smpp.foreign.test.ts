// The SMPP listener with the clients of others: `smpp` from npm, and Debian's Kannel, which sends
// more of the world's SMPP than anybody. Debian's tshark judges every octet.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
// @ts-expect-error it has no types
import smpp from "smpp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startCapture } from "../../../testing/capture.ts";
import { findPeer, requirePeer } from "../../../testing/peers.ts";
import { smppAccount, startTestSimulator, type TestSimulator } from "../../../testing/simulator_node.ts";
import { readWithTshark } from "../../../testing/tshark.ts";
import { waitFor } from "../../../testing/wait_for.ts";
import { readReceiptText } from "../../protocols/smpp/receipt_text.ts";

const { systemId, password } = smppAccount;
const account = `smpp:${systemId}`;
const forced = (digits: string): string => `467017406${digits}`;

let simulator: TestSimulator;
const ending: (() => unknown)[] = [];
beforeEach(async () => {
  simulator = await startTestSimulator();
});
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
  await simulator.stop();
});

const statistics = async () => (await simulator.statistics()) as Record<string, number>;

// biome-ignore lint/suspicious/noExplicitAny: the library has no types
type Any = any;

describe("smpp from npm", () => {
  async function bound(
    port = simulator.smppPort,
  ): Promise<{ session: Any; receipts: string[]; ask(name: string, fields?: object): Promise<Any> }> {
    const session: Any = smpp.connect({ url: `smpp://127.0.0.1:${port}` });
    session.on("error", () => {});
    ending.push(() => session.destroy());
    await new Promise((resolve) => session.once("connect", resolve));
    const ask = (name: string, fields: object = {}) => new Promise<Any>((resolve) => session[name](fields, resolve));
    const receipts: string[] = [];
    session.on("deliver_sm", (pdu: Any) => {
      receipts.push(String(pdu.short_message.message ?? pdu.short_message));
      session.send(pdu.response());
    });
    expect((await ask("bind_transceiver", { system_id: systemId, password, interface_version: 0x34 })).command_status).toBe(0);
    return { session, receipts, ask };
  }

  test("binds, submits, gets receipts, is throttled, and unbinds", async () => {
    const { receipts, ask } = await bound();
    const submit = (more: object = {}) =>
      ask("submit_sm", {
        source_addr: "Oulu",
        source_addr_ton: 5,
        destination_addr: forced("10"),
        registered_delivery: 1,
        short_message: "Hello",
        ...more,
      });
    const answers = [await submit(), await submit({ short_message: "Привет" }), await submit({ destination_addr: forced("32") })];
    expect(answers.map(({ command_status }) => command_status)).toEqual([0, 0, 0]);
    await waitFor("three receipts", () => receipts.length === 3);
    const ends = new Map(receipts.map((text) => [readReceiptText(text)?.id, readReceiptText(text)?.stat]));
    expect(answers.map(({ message_id }) => ends.get(message_id))).toEqual(["DELIVRD", "DELIVRD", "UNDELIV"]);
    expect((await submit({ destination_addr: "0" })).command_status).toBe(0x0b);
    await simulator.setWeather({ accounts: { [account]: { throttled: { share: 1 } } } });
    expect((await submit()).command_status).toBe(0x58);
    expect((await ask("enquire_link")).command_status).toBe(0);
    expect((await ask("unbind")).command_status).toBe(0);
  });

  test("is refused with a wrong password, and cut by the weather", async () => {
    const { session, ask } = await bound();
    const other: Any = smpp.connect({ url: `smpp://127.0.0.1:${simulator.smppPort}` });
    ending.push(() => other.destroy());
    const refused = await new Promise<Any>((resolve) => other.bind_transceiver({ system_id: systemId, password: "wrong" }, resolve));
    expect(refused.command_status).toBe(0x0e);
    await simulator.setWeather({ accounts: { [account]: { cut_before_answer: { share: 1 } } } });
    const closed = new Promise((resolve) => session.once("close", resolve));
    void ask("submit_sm", { source_addr: "Oulu", source_addr_ton: 5, destination_addr: forced("10"), short_message: "Hello" });
    await closed;
    expect((await statistics()).accepted).toBe(1);
  });

  test("and not a PDU is malformed to tshark", async (context) => {
    const tshark = requirePeer("tshark", context);
    const capture = await startCapture(simulator.smppPort);
    ending.push(() => capture.stop());
    const { receipts, ask } = await bound(capture.port);
    for (const text of ["Hello", "Привет", "x".repeat(250)]) {
      await ask("submit_sm", {
        source_addr: "Oulu",
        source_addr_ton: 5,
        destination_addr: forced("11"),
        registered_delivery: 0x11,
        short_message: text,
      });
    }
    await ask("query_sm", { message_id: "1", source_addr: "Oulu" });
    await ask("query_sm", { message_id: readReceiptText(receipts[0] ?? "")?.id ?? "", source_addr: "Oulu" });
    await waitFor("the receipts", async () => (await statistics()).unfinished === 0);
    await simulator.setWeather({ accounts: { [account]: { tlv_only: true, hex_ids: true } } });
    await ask("submit_sm", {
      source_addr: "Oulu",
      source_addr_ton: 5,
      destination_addr: forced("10"),
      registered_delivery: 1,
      short_message: "Hello",
    });
    await waitFor("the receipts", async () => (await statistics()).unfinished === 0);
    await ask("enquire_link");
    await ask("unbind");
    const reading = readWithTshark(tshark, capture.chunks);
    expect(reading.malformed).toEqual([]);
    expect(reading.values("smpp.command_id").length).toBeGreaterThan(25);
    expect(reading.values("smpp.receipted_message_id").length).toBeGreaterThan(5);
  });
});

describe("Kannel", () => {
  interface Kannel {
    /** @returns HTTP status of its sendsms */
    send(fields: Record<string, string>): Promise<number>;
    /**
     * Types of the receipts that it reported: 1 delivered, 2 undelivered, 4 buffered, 8 accepted,
     * 16 rejected.
     */
    reports: string[];
  }

  /** bearerbox and smsbox with our listener as their only SMSC. */
  async function startKannel(programs: { bearerbox: string; smsbox: string }, port: number): Promise<Kannel> {
    const folder = await mkdtemp(join(tmpdir(), "bulksms-kannel-"));
    const [admin, boxes, sendsms] = await freePorts(3);
    const reports: string[] = [];
    const listener = createServer((request, response) => {
      reports.push(new URL(request.url ?? "", "http://127.0.0.1").searchParams.get("type") ?? "");
      response.end("ok");
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const reportsPort = (listener.address() as AddressInfo).port;
    const core = `group = core\nadmin-port = ${admin}\nadmin-password = x\nsmsbox-port = ${boxes}\nadmin-interface = 127.0.0.1\nbox-allow-ip = 127.0.0.1\nstore-type = file\nstore-location = ${folder}/store\ndlr-storage = internal\nsms-resend-freq = 1\nsms-resend-retry = 3\n`;
    const smsc = `\ngroup = smsc\nsmsc = smpp\nhost = 127.0.0.1\nport = ${port}\ntransceiver-mode = true\nsmsc-username = ${systemId}\nsmsc-password = ${password}\nsystem-type = ""\ninterface-version = 34\nmax-pending-submits = 10\nwait-ack = 8\nenquire-link-interval = 2\nreconnect-delay = 1\nsource-addr-autodetect = yes\ndest-addr-ton = 1\ndest-addr-npi = 1\nthroughput = 100\n`;
    const smsbox = `\ngroup = smsbox\nbearerbox-host = 127.0.0.1\nbearerbox-port = ${boxes}\nsendsms-port = ${sendsms}\nsendsms-interface = 127.0.0.1\n\ngroup = sendsms-user\nusername = u\npassword = p\nconcatenation = true\nmax-messages = 5\n\ngroup = sms-service\nkeyword = default\nmax-messages = 0\ntext = x\n`;
    const file = join(folder, "kannel.conf");
    await writeFile(file, core + smsc + smsbox);
    ending.push(
      () => rm(folder, { recursive: true, force: true }),
      () => void listener.close(),
    );
    const start = (program: string): ChildProcess => {
      const box = spawn(program, ["-v", "4", file], { cwd: folder, stdio: "ignore" });
      ending.push(async () => {
        if (box.exitCode !== null || box.signalCode !== null) return;
        const exited = once(box, "exit");
        box.kill("SIGKILL");
        await exited;
      });
      return box;
    };
    start(programs.bearerbox);
    await waitFor(
      "Kannel's bind",
      async () => ((await simulator.statistics()).accounts as Record<string, { binds: number }>)[account]?.binds === 1,
    );
    start(programs.smsbox);
    const url = (fields: Record<string, string>) => {
      const dlr = `http://127.0.0.1:${reportsPort}/dlr?type=%d`;
      return `http://127.0.0.1:${sendsms}/cgi-bin/sendsms?${new URLSearchParams({ username: "u", password: "p", from: "Oulu", "dlr-mask": "31", "dlr-url": dlr, ...fields })}`;
    };
    await waitFor("Kannel's smsbox", async () => (await fetch(`http://127.0.0.1:${sendsms}/`)).status > 0);
    return { send: async (fields) => (await fetch(url(fields))).status, reports };
  }

  const programsOf = (context: Parameters<typeof requirePeer>[1]) => ({
    bearerbox: requirePeer("bearerbox", context),
    smsbox: requirePeer("smsbox", context),
  });

  test("binds, submits short and long texts, takes their receipts, and goes on after throttling and a cut", async (context) => {
    const programs = programsOf(context);
    const tshark = findPeer("tshark");
    const capture = await startCapture(simulator.smppPort);
    ending.push(() => capture.stop());
    const kannel = await startKannel(programs, capture.port);
    const isReported = (type: string, count: number) =>
      waitFor(`${count} reports of ${type}`, () => kannel.reports.filter((one) => one === type).length === count);
    expect(await kannel.send({ to: forced("10"), text: "Hello @ €" })).toBe(202);
    await isReported("1", 1);
    expect(await kannel.send({ to: forced("32"), text: "Привет", coding: "2", charset: "utf-8" })).toBe(202);
    await isReported("2", 1);
    await kannel.send({ to: forced("10"), text: "A long text. ".repeat(20) });
    await isReported("1", 2);
    await waitFor("its parts", async () => (await statistics()).accepted === 4);

    await simulator.setWeather({ accounts: { [account]: { throttled: { share: 1 } } } });
    await kannel.send({ to: forced("10"), text: "throttled" });
    await waitFor(
      "the throttling",
      async () => ((await simulator.weather()).happened_to_accounts as Record<string, Record<string, number>>)[account]?.throttled,
    );
    await simulator.setWeather({});
    await isReported("1", 3);

    await simulator.setWeather({ accounts: { [account]: { cut_before_answer: { share: 1 } } } });
    await kannel.send({ to: forced("10"), text: "cut" });
    await waitFor(
      "the cut",
      async () => ((await simulator.weather()).happened_to_accounts as Record<string, Record<string, number>>)[account]?.cut_before_answer,
    );
    await simulator.setWeather({});
    // it sends again what had no answer: accepted twice, as the carrier knows
    await isReported("1", 4);
    expect((await statistics()).accepted).toBeGreaterThanOrEqual(7);
    if (tshark === null) return;
    const reading = readWithTshark(tshark, capture.chunks);
    expect(reading.malformed).toEqual([]);
    expect(reading.values("smpp.command_id").length).toBeGreaterThan(20);
  });
});

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

// The SMPP listener with the clients of others: `smpp` from npm, and Debian's Kannel, which sends
// more of the world's SMPP than anybody. Debian's tshark judges every octet.
// @ts-expect-error it has no types
import smpp from "smpp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startCapture } from "../../../testing/capture.ts";
import { startKannel } from "../../../testing/kannel.ts";
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
  const isBound = async () => ((await simulator.statistics()).accounts as Record<string, { binds: number }>)[account]?.binds === 1;

  const programsOf = (context: Parameters<typeof requirePeer>[1]) => ({
    bearerbox: requirePeer("bearerbox", context),
    smsbox: requirePeer("smsbox", context),
  });

  test("binds, submits short and long texts, takes their receipts, and goes on after throttling and a cut", async (context) => {
    const programs = programsOf(context);
    const tshark = findPeer("tshark");
    const capture = await startCapture(simulator.smppPort);
    ending.push(() => capture.stop());
    const kannel = await startKannel({ programs, smsc: { port: capture.port, systemId, password } }, isBound);
    ending.push(() => kannel.stop());
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

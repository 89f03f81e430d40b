// The simulator's SMPP listener over real sockets: binds, messages in all their forms, receipts,
// limits, weather, and what a restart keeps.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { smppAccount, startTestSimulator, type TestSimulator } from "../../../testing/simulator_node.ts";
import { openSmppClient, receiptTexts, type SmppClient, submitPdu } from "../../../testing/smpp_client.ts";
import { waitFor } from "../../../testing/wait_for.ts";
import {
  type AccountMessage,
  accountsFile,
  parseAccounts,
  rowOfTheirId,
  simulatorSystemId,
  theirIdOf,
} from "../../contracts/simulator_accounts.ts";
import { numberMark, segmentPath, visitSegment } from "../../contracts/simulator_journal.ts";
import { statuses, tags } from "../../protocols/smpp/constants.ts";
import { tlvNumber, tlvText } from "../../protocols/smpp/octets.ts";
import type { BindRespPdu, MessageIdPdu, QuerySmRespPdu } from "../../protocols/smpp/pdus.ts";
import { readReceiptText } from "../../protocols/smpp/receipt_text.ts";
import { absoluteTime, relativeTime } from "../../protocols/smpp/times.ts";
import { encodeText } from "../../sms/text_octets.ts";
import { concatenationHeader } from "../../sms/user_data_header.ts";

const { systemId, password } = smppAccount;
const account = `smpp:${systemId}`;
/** A block that no operator assigns; the last two digits say how it ends. */
const forced = (digits: string) => ({ ton: 1, npi: 1, digits: `467017406${digits}` });

let simulator: TestSimulator;
let clients: SmppClient[];

beforeEach(async () => {
  simulator = await startTestSimulator();
  clients = [];
});
afterEach(async () => {
  for (const client of clients) client.cut();
  await simulator.stop();
});

async function connect(): Promise<SmppClient> {
  const client = await openSmppClient(simulator.smppPort);
  clients.push(client);
  return client;
}
async function bound(mode: "transceiver" | "transmitter" | "receiver" = "transceiver"): Promise<SmppClient> {
  const client = await connect();
  expect((await client.bind(mode, systemId, password)).status).toBe(0);
  return client;
}
const statusOf = async (asked: Promise<{ status: number }>) => (await asked).status;
const receipts = (client: SmppClient, count: number) => waitFor("the receipts", () => client.delivered.length === count);
const weather = (ofAccount: Record<string, unknown>) => simulator.setWeather({ accounts: { [account]: ofAccount } });

interface Row {
  rowNo: number;
  parts: number;
  digest: string;
  mark: number;
  details: AccountMessage;
}

const knownAccounts = async () => parseAccounts(await readFile(join(simulator.folder, accountsFile), "utf8").catch(() => ""));

/** The accepted messages of the account, by the journal. */
async function journaled(): Promise<{ batchId: string; rows: Row[] }> {
  const [known] = await knownAccounts();
  if (known === undefined) return { batchId: "", rows: [] };
  const rows = new Map<number, Row>();
  const ignore = () => {};
  visitSegment(await readFile(join(simulator.folder, segmentPath(known.batchId, 0))), {
    ...{ submit: ignore, rejected: ignore, sent: ignore, ended: ignore, answered: ignore, repeat: ignore, gaveUp: ignore, lost: ignore },
    accepted: (rowNo, parts, low, high, _forced, mark) =>
      rows.set(rowNo, { rowNo, parts, digest: `${low} ${high}`, mark, details: {} as AccountMessage }),
    details: (rowNo, json) => {
      const row = rows.get(rowNo);
      if (row !== undefined) row.details = JSON.parse(json) as AccountMessage;
    },
  });
  return { batchId: known.batchId, rows: [...rows.values()] };
}

describe("a bind", () => {
  test.each([
    ["transceiver", 0x34, true],
    ["transmitter", 0x34, true],
    ["receiver", 0x50, true],
    ["transmitter", 0x33, false],
  ] as const)("as %s of version %i names the simulator", async (mode, version, hasTlv) => {
    const client = await connect();
    const answer = (await client.bind(mode, systemId, password, version)) as BindRespPdu;
    expect([answer.status, answer.systemId]).toEqual([0, simulatorSystemId]);
    expect(tlvNumber(answer.tlvs, tags.sc_interface_version)).toBe(hasTlv ? 0x34 : null);
    expect(await statusOf(client.bind(mode, systemId, password))).toBe(statuses.RALYBND);
  });

  test.each([
    ["nobody", password, 0x34, statuses.RINVSYSID],
    [systemId, "wrong", 0x34, statuses.RINVPASWD],
    [systemId, "", 0x34, statuses.RINVPASWD],
    [systemId, password, 0x00, statuses.RBINDFAIL],
  ])("as %s with %j and version %i is refused", async (name, word, version, status) => {
    const client = await connect();
    expect(await statusOf(client.bind("transceiver", name, word, version))).toBe(status);
    expect(await statusOf(client.ask(submitPdu()))).toBe(statuses.RINVBNDSTS);
  });

  test("beyond the limit is refused until another ends", async () => {
    simulator = await simulator.killAndRestart({ BULKSMS_SIMULATOR_SMPP_BINDS_MAX: "2" });
    const [first] = [await bound("transmitter"), await bound("receiver")];
    const third = await connect();
    expect(await statusOf(third.bind("receiver", systemId, password))).toBe(statuses.RBINDFAIL);
    expect(await statusOf(first.ask({ command: "unbind", status: 0, sequence: 0 }))).toBe(0);
    await first.untilClosed();
    expect(await statusOf(third.bind("receiver", systemId, password))).toBe(0);
    const { accounts } = await simulator.statistics();
    expect(accounts).toMatchObject({ [account]: { binds: 2, binds_most: 2 } });
  });

  test("must not submit as a receiver, and hears nothing as a transmitter", async () => {
    const receiver = await bound("receiver");
    expect(await statusOf(receiver.ask(submitPdu()))).toBe(statuses.RINVBNDSTS);
    const transmitter = await bound("transmitter");
    const id = await transmitter.submit();
    await receipts(receiver, 1);
    expect(receiptTexts(receiver)[0]).toContain(`id:${id} `);
    expect(transmitter.delivered).toEqual([]);
  });
});

describe("a message", () => {
  test.each([
    ["10", "DELIVRD", "000", 2],
    ["32", "UNDELIV", "001", 5],
    ["35", "EXPIRED", "036", 3],
    ["42", "REJECTD", "088", 8],
  ])("to a number of %s is reported as %s", async (digits, stat, err, state) => {
    const client = await bound();
    const id = await client.submit({ destination: forced(digits) });
    expect(id).toMatch(/^[1-9]\d{17}$/);
    await receipts(client, 1);
    const [receipt] = client.delivered;
    expect(receipt).toMatchObject({ esmClass: 4, source: forced(digits), destination: { ton: 5, npi: 0, digits: "Oulu" } });
    expect(readReceiptText(receiptTexts(client)[0] as string)).toMatchObject({
      id,
      stat,
      err,
      sub: "001",
      dlvrd: stat === "DELIVRD" ? "001" : "000",
      text: "Hello",
    });
    expect(tlvText(receipt?.tlvs ?? null, tags.receipted_message_id)).toBe(id);
    expect(tlvNumber(receipt?.tlvs ?? null, tags.message_state)).toBe(state);
    const query = (await client.ask({
      command: "query_sm",
      status: 0,
      sequence: 0,
      messageId: id,
      source: { ton: 5, npi: 0, digits: "Oulu" },
    })) as QuerySmRespPdu;
    expect([query.messageId, query.messageState, query.finalDate === ""]).toEqual([id, state, false]);
  });

  test.each([
    ["50", statuses.RINVDSTADR],
    ["51", statuses.RINVSRCADR],
  ])("that the network refuses (%s) has status %i and no id", async (digits, status) => {
    const client = await bound();
    expect(await client.ask(submitPdu({ destination: forced(digits) }))).toMatchObject({ status, messageId: "" });
    expect((await journaled()).rows).toEqual([]);
  });

  test.each([
    ["nothing", 0, "10", 0],
    ["the end", 1, "10", 1],
    ["failures, and it is one", 2, "32", 1],
    ["failures, and it is none", 2, "10", 0],
    ["intermediate states as well", 0x11, "10", 2],
  ])("that asks for %s gets that", async (_name, registeredDelivery, digits, count) => {
    const client = await bound();
    await client.submit({ registeredDelivery, destination: forced(digits) });
    await receipts(client, count);
    await client.submit({ source: { ton: 5, npi: 0, digits: "Last" } });
    await receipts(client, count + 1);
    expect(client.delivered.at(-1)?.destination.digits).toBe("Last");
    if (registeredDelivery === 0x11)
      expect([client.delivered[0]?.esmClass, receiptTexts(client)[0]]).toEqual([0x20, expect.stringContaining("stat:ENROUTE")]);
  });

  const words = "Ääni: 5 € @ Oulu_[x]";
  test.each([
    ["GSM-7", 0, encodeText(words, "gsm7"), words],
    ["GSM-7 as flash", 0x10, encodeText("Hei @", "gsm7"), "Hei @"],
    ["Latin-1", 3, encodeText("Grüße ÿ", "latin1"), "Grüße ÿ"],
    ["ASCII", 1, Buffer.from("Hello_@"), "Hello_@"],
    ["UCS-2", 8, encodeText("Привет 🙂", "ucs2"), "Привет 🙂"],
    ["UCS-2 as flash", 0x18, encodeText("Ж", "ucs2"), "Ж"],
  ])("in %s is read as it was meant", async (_name, dataCoding, octets, text) => {
    const client = await bound();
    await client.submit({ dataCoding, shortMessage: Buffer.from(octets) });
    expect((await journaled()).rows.map(({ details }) => [details.text, details.from, details.to])).toEqual([
      [text, "Oulu", "+46701740610"],
    ]);
  });

  test("in the default alphabet is Latin-1 where the listener is set to it", async () => {
    simulator = await simulator.killAndRestart({ BULKSMS_SIMULATOR_SMPP_ALPHABET: "latin1" });
    const client = await bound();
    await client.submit({ shortMessage: Buffer.from([0xfc, 0x40]) });
    expect((await journaled()).rows[0]?.details.text).toBe("ü@");
  });

  test("that is long comes in parts by header or by SAR, or whole as a payload", async () => {
    const client = await bound();
    const long = "Long text. ".repeat(20);
    const [first, second] = [Buffer.from(long.slice(0, 153)), Buffer.from(long.slice(153))];
    const header = (number: number) => Buffer.from(concatenationHeader({ reference: 7, total: 2, number }));
    const wide = (number: number) => Buffer.from([6, 8, 4, 1, 2, 2, number]);
    const sar = (number: number) =>
      new Map([
        [tags.sar_msg_ref_num, Buffer.from([1, 9])],
        [tags.sar_total_segments, Buffer.of(2)],
        [tags.sar_segment_seqnum, Buffer.of(number)],
      ]);
    const ids = [
      await client.submit({ esmClass: 0x43, shortMessage: Buffer.concat([header(1), first]) }),
      await client.submit({ esmClass: 0x40, shortMessage: Buffer.concat([header(2), second]), registeredDelivery: 0 }),
      await client.submit({ esmClass: 0x40, shortMessage: Buffer.concat([wide(1), first]) }),
      await client.submit({ shortMessage: second, tlvs: sar(2) }),
      await client.submit({ shortMessage: Buffer.alloc(0), tlvs: new Map([[tags.message_payload, Buffer.from(long)]]) }),
    ];
    const { batchId, rows } = await journaled();
    expect(ids).toEqual(rows.map(({ rowNo }) => theirIdOf({ name: account, batchId }, rowNo)));
    expect(rows.map(({ details, parts }) => [details.part, parts])).toEqual([
      [{ reference: 7, total: 2, number: 1 }, 1],
      [{ reference: 7, total: 2, number: 2 }, 1],
      [{ reference: 258, total: 2, number: 1 }, 1],
      [{ reference: 265, total: 2, number: 2 }, 1],
      [undefined, 2],
    ]);
    expect(rows[0]?.details.text.concat(rows[1]?.details.text ?? "")).toBe(long);
    expect(rows[4]?.details.text).toBe(long);
    // the same part again is known as such, whatever its reference
    expect([rows[0]?.digest === rows[2]?.digest, rows[1]?.digest === rows[3]?.digest, rows[0]?.digest === rows[1]?.digest]).toEqual([
      true,
      true,
      false,
    ]);
    expect(new Set(rows.map(({ mark }) => mark))).toEqual(new Set([numberMark("+46701740610")]));
    await receipts(client, 4);
  });

  test.each([
    ["no number", { destination: { ton: 1, npi: 1, digits: "" } }, statuses.RINVDSTADR],
    ["letters for a number", { destination: { ton: 1, npi: 1, digits: "Oulu" } }, statuses.RINVDSTADR],
    ["a short number", { destination: { ton: 1, npi: 1, digits: "123" } }, statuses.RINVDSTADR],
    ["no sender", { source: { ton: 5, npi: 0, digits: "" } }, statuses.RINVSRCADR],
    ["a long sender", { source: { ton: 5, npi: 0, digits: "University of" } }, statuses.RINVSRCADR],
    ["words where digits should be", { source: { ton: 1, npi: 1, digits: "Oulu" } }, statuses.RINVSRCADR],
    ["no text", { shortMessage: Buffer.alloc(0) }, statuses.RINVMSGLEN],
    ["half a character", { dataCoding: 8, shortMessage: Buffer.from([4]) }, statuses.RINVMSGLEN],
    ["octets for a text", { dataCoding: 4 }, statuses.RSUBMITFAIL],
    ["a schedule", { scheduleTime: absoluteTime(Date.now() + 3_600_000) }, statuses.RINVSCHED],
    ["a validity that is over", { validity: absoluteTime(Date.now() - 3_600_000) }, statuses.RINVEXPIRY],
    ["a validity that is none", { validity: "tomorrow" }, statuses.RINVEXPIRY],
  ])("with %s is refused, without effect", async (_name, fields, status) => {
    const client = await bound();
    expect(await statusOf(client.ask(submitPdu(fields)))).toBe(status);
    expect((await journaled()).rows).toEqual([]);
    expect(await client.submit({ validity: relativeTime(3_600_000) })).not.toBe("");
  });
});

describe("a receipt", () => {
  test("that is refused comes again, on another bind if there is one", async () => {
    const [first, second] = [await bound(), await bound()];
    first.answerReceiptsWith(() => statuses.RX_T_APPN);
    await first.submit();
    await receipts(second, 1);
    expect(receiptTexts(second)).toEqual(receiptTexts(first));
    await waitFor("quiet", async () => (await simulator.statistics()).unfinished === 0);
  });

  test("that was in flight on a lost connection comes on the next", async () => {
    const first = await bound();
    first.answerReceiptsWith(() => null);
    const ids = await Promise.all(Array.from({ length: 15 }, () => first.submit()));
    await receipts(first, 10);
    const second = await bound("receiver");
    first.cut();
    await receipts(second, 15);
    expect(new Set(receiptTexts(second).map((text) => readReceiptText(text)?.id))).toEqual(new Set(ids));
  });

  test("waits while nobody receives, also through a restart, and comes once", async () => {
    const transmitter = await bound("transmitter");
    const id = await transmitter.submit();
    await waitFor("the end", async () => Number((await simulator.statistics()).ended) === 1);
    simulator = await simulator.killAndRestart();
    const receiver = await bound("receiver");
    await receipts(receiver, 1);
    expect(receiptTexts(receiver)[0]).toContain(`id:${id} `);
    await simulator.untilJournaled();
    simulator = await simulator.killAndRestart();
    const again = await bound();
    const next = await again.submit();
    await receipts(again, 1);
    expect(receiptTexts(again)[0]).toContain(`id:${next} `);
  });

  test("belongs to its account alone", async () => {
    simulator = await simulator.killAndRestart({ BULKSMS_SIMULATOR_SMPP_ACCOUNTS: `${systemId}:${password},other:word` });
    const other = await connect();
    await other.bind("receiver", "other", "word");
    const client = await bound();
    await client.submit();
    await receipts(client, 1);
    expect(other.delivered).toEqual([]);
    expect(await knownAccounts()).toHaveLength(1);
  });
});

describe("limits", () => {
  test("a rate above the limit is throttled, without effect", async () => {
    simulator = await simulator.killAndRestart({ BULKSMS_SIMULATOR_SMPP_PARTS_PER_SECOND: "5" });
    const client = await bound();
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.ask(submitPdu())));
    const throttled = answers.filter(({ status }) => status === statuses.RTHROTTLED).length;
    expect(throttled).toBeGreaterThanOrEqual(14);
    expect((await journaled()).rows).toHaveLength(20 - throttled);
    expect(await simulator.statistics()).toMatchObject({ accounts: { [account]: { parts_per_second_most: 20 } } });
  });

  test("a full window is told so", async () => {
    simulator = await simulator.killAndRestart({ BULKSMS_SIMULATOR_SMPP_WINDOW: "3", BULKSMS_SIMULATOR_SPEED: "1" });
    const client = await bound();
    const answers = await Promise.all(Array.from({ length: 5 }, () => client.ask(submitPdu())));
    expect(answers.map(({ status }) => status).sort()).toEqual([0, 0, 0, statuses.RMSGQFUL, statuses.RMSGQFUL]);
    expect(await simulator.statistics()).toMatchObject({ accounts: { [account]: { in_flight_most: 4, in_flight: 0 } } });
  });
});

describe("what is no PDU of a client", () => {
  test.each([4, 15, 65_537, 2 ** 31])("a length of %i is answered by generic_nack 2, and is the end", async (length) => {
    const client = await bound();
    const bad = Buffer.alloc(16);
    bad.writeUInt32BE(length, 0);
    client.write(bad);
    await client.untilClosed();
    expect(client.heard.at(-1)).toBe("stray generic_nack");
    expect(await (await bound()).submit()).not.toBe("");
  });

  test("a parameter beyond its PDU is refused, and the connection goes on", async () => {
    const client = await bound();
    // data_coding 8, and a TLV of 65,535 octets that has none
    const body = Buffer.concat([
      Buffer.from("\0\x05\0Oulu\0\x01\x0146701740610\0\0\0\0\0\0\0\0\0\0\x02Hi", "latin1"),
      Buffer.from([4, 0x24, 0xff, 0xff]),
    ]);
    const head = Buffer.alloc(16);
    head.writeUInt32BE(16 + body.length, 0);
    head.writeUInt32BE(4, 4);
    head.writeUInt32BE(99, 12);
    client.write(Buffer.concat([head, body]));
    await waitFor("the refusal", () => client.heard.at(-1)?.startsWith("stray submit_sm_resp"));
    expect(await client.submit()).not.toBe("");
    expect((await journaled()).rows).toHaveLength(1);
  });

  test("commands that no client sends, or nobody knows", async () => {
    const client = await bound();
    expect(await client.ask({ command: "other", commandId: 0x21, status: 0, sequence: 0 })).toMatchObject({
      command: "generic_nack",
      status: statuses.RINVCMDID,
    });
    expect(await client.ask({ ...submitPdu(), command: "deliver_sm" })).toMatchObject({ command: "generic_nack" });
    expect(
      await statusOf(client.ask({ command: "query_sm", status: 0, sequence: 0, messageId: "1", source: { ton: 0, npi: 0, digits: "" } })),
    ).toBe(statuses.RQUERYFAIL);
    expect(await statusOf(client.ask({ command: "enquire_link", status: 0, sequence: 0 }))).toBe(0);
  });
});

describe("weather of the account", () => {
  test("cut before the answer: accepted, and its receipt comes", async () => {
    const client = await bound();
    await weather({ cut_before_answer: { share: 1 } });
    void client.ask(submitPdu());
    await client.untilClosed();
    const { rows } = await journaled();
    expect(rows).toHaveLength(1);
    await weather({});
    const again = await bound();
    await receipts(again, 1);
  });

  test("no answer, and a late one", async () => {
    const client = await bound();
    await weather({ no_answer: { share: 1 } });
    void client.ask(submitPdu());
    await receipts(client, 1);
    expect(client.heard).toEqual(["bind_transceiver_resp", "deliver_sm"]);
    await weather({ late_answer: { share: 1, after_ms: 50 } });
    await client.submit();
    await receipts(client, 2);
    expect(await simulator.weather()).toMatchObject({ happened_to_accounts: { [account]: { no_answer: 1, late_answer: 1 } } });
  });

  test("early: the receipt comes before the answer", async () => {
    const client = await bound();
    await weather({ early: { share: 1 } });
    const id = await client.submit();
    expect(client.heard).toEqual(["bind_transceiver_resp", "deliver_sm", "submit_sm_resp"]);
    expect(receiptTexts(client)[0]).toContain(`id:${id} `);
  });

  test("throttled: without effect", async () => {
    const client = await bound();
    await weather({ throttled: { share: 1 } });
    expect(await statusOf(client.ask(submitPdu()))).toBe(statuses.RTHROTTLED);
    expect((await journaled()).rows).toEqual([]);
  });

  test("the wrong bind: a receipt goes where its message did not come from", async () => {
    const [first, second] = [await bound(), await bound()];
    for (let no = 0; no < 5; no++) await first.submit();
    await receipts(first, 5);
    await weather({ wrong_bind: { share: 1 } });
    for (let no = 0; no < 5; no++) await first.submit();
    await receipts(second, 5);
    expect(first.delivered).toHaveLength(5);
  });

  test("ids in hexadecimal in answers alone; receipts without counts, or without a text", async () => {
    const client = await bound();
    await weather({ hex_ids: true, no_sub_dlvrd: true });
    const id = await client.submit();
    await receipts(client, 1);
    const text = receiptTexts(client)[0] as string;
    expect(readReceiptText(text)).toMatchObject({ id: BigInt(`0x${id}`).toString(), sub: null, dlvrd: null, stat: "DELIVRD" });
    await weather({ tlv_only: true });
    const next = await client.submit();
    await receipts(client, 2);
    expect([receiptTexts(client)[1], tlvText(client.delivered[1]?.tlvs ?? null, tags.receipted_message_id)]).toEqual(["", next]);
  });
});

test("the end of the process answers what is in hand and unbinds", async () => {
  simulator = await simulator.killAndRestart({ BULKSMS_SIMULATOR_SPEED: "1" });
  const client = await bound();
  const answers = Array.from({ length: 10 }, () => client.ask(submitPdu()));
  await waitFor("the messages to be taken", async () => Number((await simulator.statistics()).accepted) === 10);
  const stopping = simulator.node.stop();
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(10).fill(0));
  await client.untilClosed();
  expect(client.heard.at(-1)).toBe("unbind");
  await stopping;
  simulator = await startTestSimulator();
});

test("a kill at any moment forgets nothing that was answered, and gives no id twice", async () => {
  const ids = new Set<string>();
  for (let round = 0; round < 3; round++) {
    const client = await bound();
    for (const id of await Promise.all(Array.from({ length: 50 }, () => client.submit()))) ids.add(id);
    simulator = await simulator.killAndRestart();
  }
  const { batchId, rows } = await journaled();
  expect(ids.size).toBe(150);
  expect([...ids].map((id) => rowOfTheirId({ name: account, batchId }, id)).sort()).toEqual(rows.map(({ rowNo }) => rowNo).sort());
});

test("a batch of an account is nobody's campaign: the own dialect may not add to it", async () => {
  await (await bound()).submit();
  const { batchId } = await journaled();
  const body = {
    batch_id: batchId,
    sender: "Oulu",
    text: "x",
    valid_until: new Date(Date.now() + 60_000).toISOString(),
    messages: [{ row_no: 1, to: "+46701740610", parts: 1 }],
  };
  const headers = { authorization: "Bearer the-simulators-key-of-the-test" };
  expect(await simulator.client.request({ method: "POST", path: "/messages", headers, body })).toMatchObject({
    status: 400,
    body: { code: "request_invalid" },
  });
});

test("many messages at once have an id each", async () => {
  const client = await bound();
  const answers = (await Promise.all(
    Array.from({ length: 500 }, () => client.ask(submitPdu({ registeredDelivery: 0 }))),
  )) as MessageIdPdu[];
  expect(new Set(answers.map(({ messageId }) => messageId)).size).toBe(500);
});

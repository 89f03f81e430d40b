import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type PeerConnection, type SmppPeer, startSmppPeer } from "../../../testing/smpp_peer.ts";
import { openSmppConnection, type SmppConnection } from "./connection.ts";
import { sequenceMax, statuses, tags } from "./constants.ts";
import { encodePdu, type Pdu, shortMessage } from "./pdus.ts";

const nobody = { ton: 0, npi: 0, digits: "" };
const submit = shortMessage({ command: "submit_sm", source: nobody, destination: nobody, shortMessage: Buffer.from("x") });
const enquire: Pdu = { command: "enquire_link", status: 0, sequence: 0 };

let peer: SmppPeer;
let socket: Socket;
afterEach(async () => {
  socket.destroy();
  await peer.stop();
});

async function open(lastSequence = 0) {
  peer = await startSmppPeer(() => true);
  socket = connect(peer.port, "127.0.0.1");
  await once(socket, "connect");
  const events: unknown[][] = [];
  let wake = (): void => {};
  const note = (...event: unknown[]): void => {
    events.push(event);
    wake();
  };
  const connection: SmppConnection<string> = openSmppConnection<string>(
    socket,
    {
      onRequest: (pdu) => note("request", pdu.command, pdu.sequence),
      onResponse: (request, pdu) => note("response", request, pdu.command, pdu.status),
      onStray: (pdu) => note("stray", pdu.command, pdu.sequence),
      onClose: (reason) => note("close", reason, connection.isOpen(), connection.openRequests()),
    },
    lastSequence,
  );
  const until = async (kind: string): Promise<unknown[]> => {
    for (;;) {
      const found = events.find(([name]) => name === kind);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { connection, other: await peer.nextConnection(), events, until };
}

const sequencesOf = (other: PeerConnection) => other.received.map(({ sequence }) => sequence);

describe("requests", () => {
  it("are numbered from 1, and each answer goes to its own, in whatever order they come", async () => {
    const { connection, other, events, until } = await open();
    for (const name of ["a", "b", "c"]) connection.request(submit, name);
    await Promise.all([other.next("submit_sm"), other.next("submit_sm"), other.next("submit_sm")]);
    expect(sequencesOf(other)).toEqual([1, 2, 3]);
    other.send(
      ...[3, 1, 7, 1].map((sequence) => ({ command: "submit_sm_resp", status: 0, sequence, messageId: "m", tlvs: null }) as const),
    );
    other.send({ command: "generic_nack", status: statuses.RINVCMDID, sequence: 2 }, enquire);
    await until("request");
    expect(events.slice(0, 5)).toEqual([
      ["response", "c", "submit_sm_resp", 0],
      ["response", "a", "submit_sm_resp", 0],
      ["stray", "submit_sm_resp", 7],
      ["stray", "submit_sm_resp", 1],
      ["response", "b", "generic_nack", 3],
    ]);
    expect(connection.openCount()).toBe(0);
  });

  it("are numbered from 1 again after the highest number, passing over those that are open", async () => {
    const { connection, other } = await open(sequenceMax - 1);
    for (const name of ["a", "b", "c"]) connection.request(submit, name);
    await Promise.all([other.next("submit_sm"), other.next("submit_sm"), other.next("submit_sm")]);
    expect(sequencesOf(other)).toEqual([sequenceMax, 1, 2]);
  });

  it("that SMPP cannot carry are refused alone: no number is used up, and nothing of them goes out", async () => {
    const { connection, other } = await open();
    const bad = { ...submit, source: { ...nobody, digits: "a\0b" } };
    expect(() => connection.request(bad, "bad")).toThrow(RangeError);
    connection.request(submit, "good");
    expect(await other.next("submit_sm")).toMatchObject({ sequence: 1 });
    expect(connection.openRequests()).toEqual([{ request: "good", isSent: true }]);
  });

  it("in flight at a cut are told once it is dead, and those that never left are known (smppex#18)", async () => {
    const { connection, other, until } = await open();
    connection.request(submit, "sent");
    await other.next("submit_sm");
    connection.request(submit, "kept");
    connection.destroy("we cut it");
    const open_ = [
      { request: "sent", isSent: true },
      { request: "kept", isSent: false },
    ];
    expect(await until("close")).toEqual(["close", "we cut it", false, open_]);
    expect(() => connection.request(submit, "late")).toThrow("closed");
    await other.closed;
    expect(other.received).toHaveLength(1);
  });
});

describe("a peer", () => {
  it.each([4, 15, 65_537, 2 ** 31])("whose command_length is %s is cut off at once", async (length) => {
    const { connection, other, until } = await open();
    connection.request(submit, "a");
    await other.next("submit_sm");
    const octets = Buffer.alloc(4);
    octets.writeUInt32BE(length);
    other.sendOctets(octets);
    const [, reason, isOpen, requests] = await until("close");
    expect([reason, isOpen, requests]).toEqual([
      expect.stringContaining(`command_length is ${length}`),
      false,
      [{ request: "a", isSent: true }],
    ]);
    await other.closed;
  });

  it("whose request cannot be read gets its error, and the stream goes on", async () => {
    const { other, until } = await open();
    const deliver = encodePdu({ ...submit, command: "deliver_sm", sequence: 5, tlvs: new Map([[tags.message_state, Buffer.of(2)]]) });
    const beyond = Buffer.from(deliver);
    beyond.writeUInt16BE(9, beyond.length - 3);
    const cut = Buffer.from(deliver.subarray(0, 30));
    cut.writeUInt32BE(30);
    other.sendOctets(Buffer.concat([beyond, cut, encodePdu({ ...enquire, sequence: 6 })]));
    expect(await other.next("deliver_sm_resp")).toMatchObject({ sequence: 5, status: statuses.RINVOPTPARSTREAM });
    expect(await other.next("deliver_sm_resp")).toMatchObject({ sequence: 5, status: statuses.RINVCMDLEN });
    expect(await until("request")).toEqual(["request", "enquire_link", 6]);
  });

  it("whose answer cannot be read is cut off: what it answers for stays open", async () => {
    const { connection, other, until } = await open();
    connection.request(submit, "a");
    await other.next("submit_sm");
    const octets = encodePdu({ command: "submit_sm_resp", status: 0, sequence: 1, messageId: "1234", tlvs: null });
    octets.write("5", octets.length - 1); // no NUL at its end
    other.sendOctets(octets);
    const [, reason, , requests] = await until("close");
    expect([reason, requests]).toEqual([
      "the peer's answer makes no sense: the PDU ends within message_id",
      [{ request: "a", isSent: true }],
    ]);
  });

  it("that closes its half behind its last answers has them all read first", async () => {
    const { connection, other, events, until } = await open();
    connection.request(submit, "a");
    connection.request(submit, "b");
    await other.next("submit_sm");
    other.answer({ ...submit, sequence: 1 }, { messageId: "m" });
    other.socket.end();
    expect(await until("close")).toEqual(["close", "the peer closed the connection", false, [{ request: "b", isSent: true }]]);
    expect(events[0]).toEqual(["response", "a", "submit_sm_resp", 0]);
  });

  it("that does not read has nothing more handed over to it, and its own requests wait", async () => {
    const { connection, other } = await open();
    other.socket.pause();
    const large = { ...submit, tlvs: new Map([[tags.message_payload, Buffer.alloc(60_000)]]) };
    // beyond what both ends' sockets hold for it
    let handed: number;
    do {
      handed = connection.openRequests().filter(({ isSent }) => isSent).length;
      for (let count = 0; count < 50; count++) connection.request(large, "large");
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    } while (connection.openRequests().filter(({ isSent }) => isSent).length > handed);
    expect(connection.openRequests().at(-1)?.isSent).toBe(false);
    expect(socket.isPaused()).toBe(true);
    const resumed = once(socket, "resume");
    other.socket.resume();
    await resumed;
    expect(socket.isPaused()).toBe(false);
  });

  it("gets an answer to each command: its own, or generic_nack to one that we do not know", async () => {
    const { connection, other, until } = await open();
    other.send({ ...enquire, sequence: 1 });
    await until("request");
    connection.respond({ ...enquire, sequence: 1 });
    connection.respond({ ...submit, command: "deliver_sm", sequence: 2 }, statuses.RX_T_APPN);
    connection.respond({ command: "other", commandId: 0x21, status: 0, sequence: 3 });
    connection.respond({ command: "unbind", status: 0, sequence: 4 });
    connection.end();
    await other.closed;
    expect(other.received).toEqual([
      { command: "enquire_link_resp", status: 0, sequence: 1 },
      { command: "deliver_sm_resp", status: statuses.RX_T_APPN, sequence: 2, messageId: "", tlvs: null },
      { command: "generic_nack", status: statuses.RINVCMDID, sequence: 3 },
      { command: "unbind_resp", status: 0, sequence: 4 },
    ]);
  });
});

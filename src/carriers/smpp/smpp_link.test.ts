import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { carrierMessage } from "../../../testing/link_watch.ts";
import { startBoundLink, startLink } from "../../../testing/smpp_links.ts";
import { type PeerConnection, type PeerScript, type SmppPeer, startSmppPeer } from "../../../testing/smpp_peer.ts";
import { waitFor } from "../../../testing/wait_for.ts";
import { backoffMs } from "../../platform/time/backoff.ts";
import { statuses } from "../../protocols/smpp/constants.ts";
import { encodePdu } from "../../protocols/smpp/pdus.ts";
import { reopenBackoff } from "./smpp_link.ts";

const peers: SmppPeer[] = [];
async function startPeer(script?: PeerScript): Promise<SmppPeer> {
  const peer = await startSmppPeer(script);
  peers.push(peer);
  return peer;
}
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.stop();
});

const messages = (...keys: number[]) => keys.map((key) => carrierMessage(key));
/** All that the carrier sent before has been handled by the link once this resolves. */
async function roundTrip(carrier: PeerConnection): Promise<void> {
  carrier.send({ command: "enquire_link", status: 0, sequence: 77 });
  await carrier.next("enquire_link_resp");
}
const refuseBinds =
  (status: number): PeerScript =>
  (pdu, connection) => {
    if (!pdu.command.startsWith("bind_")) return undefined;
    connection.answer(pdu, { status });
    return true;
  };

describe("a bind", () => {
  it("is of version 3.4 (node-smpp#239), and only then may anything be submitted (node-smpp#173)", async () => {
    const peer = await startPeer((pdu) => pdu.command.startsWith("bind_"));
    const { link, watch, clock } = startLink(peer.port, { system_type: "bulk", window: 7 });
    const carrier = await peer.nextConnection();
    const bind = await carrier.next("bind_transceiver");
    expect(bind).toMatchObject({ systemId: "uni", password: "secret", systemType: "bulk", interfaceVersion: 0x34, sequence: 1 });
    clock.advance(1_000);
    expect(link.capacity()).toBe(0);
    link.submit(messages(1), watch.onOutcome);
    expect(watch.outcomes.get(1)).toEqual([{ kind: "not_sent", reason: "the link is not bound" }]);
    carrier.answer(bind);
    await watch.until(() => watch.capacityCalls() > 0);
    expect(watch.states).toEqual([{ kind: "connecting" }, { kind: "bound", peer: "peer" }]);
    expect(link.capacity()).toBe(7);
    await link.close();
    expect(await link.ended).toEqual({ reason: "closed", description: "closed by us" });
  });

  it.each([
    [statuses.RALYBND, "cut", "ESME_RALYBND (0x05): as many binds as it allows are open"],
    [statuses.RBINDFAIL, "refused", "ESME_RBINDFAIL (0x0d): check system_id, password, system_type"],
    [statuses.RINVPASWD, "refused", "ESME_RINVPASWD (0x0e): the password is wrong"],
    [statuses.RINVSYSID, "refused", "ESME_RINVSYSID (0x0f): it does not know the system_id"],
    [statuses.RSYSERR, "cut", "ESME_RSYSERR (0x08)"],
    [0x1234, "refused", "0x1234"],
  ])("that is refused with %s ends the link as %s", async (status, reason, description) => {
    const peer = await startPeer(refuseBinds(status));
    const { link, watch } = startLink(peer.port);
    expect(await link.ended).toEqual({ reason, description: expect.stringContaining(description) });
    expect(watch.states.map(({ kind }) => kind)).toEqual(["connecting", "over"]);
    expect(link.capacity()).toBe(0);
  });

  it("without an answer within 30 s ends the link", async () => {
    const peer = await startPeer(() => true);
    const { link, clock } = startLink(peer.port);
    await (await peer.nextConnection()).next("bind_transceiver");
    clock.advance(29_999);
    expect(clock.timerCount()).toBe(1);
    clock.advance(1);
    expect(await link.ended).toEqual({ reason: "timed_out", description: `127.0.0.1:${peer.port} did not answer the bind within 30 s` });
    expect(clock.timerCount()).toBe(0);
  });

  it("to nobody, and one that is cut, end the link with what failed", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    const { port } = await new Promise<{ port: number }>((resolve) =>
      server.once("listening", () => resolve(server.address() as { port: number })),
    );
    await new Promise((resolve) => server.close(resolve));
    expect(await startLink(port).link.ended).toEqual({
      reason: "cut",
      description: expect.stringMatching(/cannot be reached: connect ECONNREFUSED/),
    });

    const peer = await startPeer((_pdu, connection) => {
      connection.cut();
      return true;
    });
    expect(await startLink(peer.port).link.ended).toMatchObject({ reason: "cut", description: expect.stringContaining("ECONNRESET") });
  });

  it("with settings that SMPP cannot carry ends the link before anything is sent", async () => {
    const peer = await startPeer();
    const { link } = startLink(peer.port, { system_id: "käyttäjä\0" });
    expect(await link.ended).toEqual({
      reason: "refused",
      description: expect.stringContaining("system_id has a character that SMPP cannot carry"),
    });
  });

  it("that is given up while it is under way leaves nothing behind", async () => {
    const peer = await startPeer(() => true);
    const { link, clock } = startLink(peer.port);
    const carrier = await peer.nextConnection();
    await link.close();
    expect((await link.ended).reason).toBe("closed");
    await carrier.closed;
    expect(clock.timerCount()).toBe(0);
  });

  it("of a transmitter and a receiver is complete with both; submits go through the first", async () => {
    const held: (() => void)[] = [];
    const peer = await startPeer((pdu, connection) => {
      if (pdu.command !== "bind_receiver") return undefined;
      held.push(() => connection.answer(pdu));
      return true;
    });
    const { link, watch, clock } = startLink(peer.port, { bind: "transmitter_and_receiver" });
    const both = [await peer.nextConnection(), await peer.nextConnection()];
    await Promise.race(both.map((connection) => connection.next("bind_receiver")));
    clock.advance(1_000);
    expect(link.capacity()).toBe(0);
    held[0]?.();
    await watch.until(() => link.capacity() > 0);
    link.submit(messages(1), watch.onOutcome);
    const transmitter = await Promise.race(both.map((connection) => connection.next("submit_sm").then(() => connection)));
    expect(transmitter.received[0]?.command).toBe("bind_transmitter");
    transmitter.answer(peer.submits[0] as never, { messageId: "m" });
    await watch.until(() => watch.outcomes.size === 1);
    await link.close();
    await Promise.all(both.map(({ closed }) => closed));
  });

  it("of a transmitter without its receiver is no link: it is left once its answers are there", async () => {
    const peer = await startPeer();
    const { link, watch, connections } = await startBoundLink(peer, { bind: "transmitter_and_receiver" });
    link.submit(messages(1), watch.onOutcome);
    const transmitter = connections.find(({ received }) => received[0]?.command === "bind_transmitter");
    const submit = await transmitter?.next("submit_sm");
    connections.find((connection) => connection !== transmitter)?.cut();
    await waitFor("the link to take its leave", () => link.capacity() === 0);
    transmitter?.answer(submit as never, { messageId: "m" });
    expect(await link.ended).toEqual({ reason: "cut", description: expect.stringContaining("ECONNRESET") });
    expect(watch.told()).toEqual(["1 accepted"]);
    expect(transmitter?.received.at(-1)?.command).toBe("unbind");
  });
});

it("between two links of a slot pass 1 s, and at most 60", () => {
  expect([1, 2, 6, 7, 100].map((attempt) => backoffMs(reopenBackoff, attempt))).toEqual([1_000, 2_000, 32_000, 60_000, 60_000]);
});

describe("a link that ends", () => {
  it("by close submits nothing more, waits for answers and commits, and unbinds", async () => {
    const peer = await startPeer();
    const { link, watch, carrier } = await startBoundLink(peer);
    watch.holdCommits();
    link.submit(messages(1, 2), watch.onOutcome);
    const [first, second] = [await carrier.next("submit_sm"), await carrier.next("submit_sm")];
    carrier.sendOctets(
      encodePdu({ ...first, command: "deliver_sm", esmClass: 4, sequence: 9, shortMessage: Buffer.from("id:1 stat:DELIVRD") }),
    );
    await watch.until(() => watch.receipts.length === 1);
    const closed = link.close(5_000);
    expect(link.capacity()).toBe(0);
    link.submit(messages(3), watch.onOutcome);
    expect(watch.told()).toEqual(["3 not_sent"]);
    carrier.answer(second, { messageId: "b" });
    carrier.answer(first, { messageId: "a" });
    await watch.until(() => watch.outcomes.size === 3);
    expect(carrier.received.some(({ command }) => command === "unbind")).toBe(false);
    watch.commit();
    await closed;
    expect(carrier.received.slice(-2).map(({ command }) => command)).toEqual(["deliver_sm_resp", "unbind"]);
    expect(await link.ended).toEqual({ reason: "closed", description: "closed by us" });
  });

  it("by close without an answer in time is not called closed, and an answer before its end still counts", async () => {
    const peer = await startPeer((pdu) => pdu.command === "unbind");
    const { link, watch, carrier, clock } = await startBoundLink(peer);
    link.submit(messages(1, 2), watch.onOutcome);
    const submit = await carrier.next("submit_sm");
    const closed = link.close(5_000);
    clock.advance(5_000);
    await carrier.next("unbind");
    carrier.answer(submit, { messageId: "late" });
    await watch.until(() => watch.outcomes.size === 1);
    clock.advance(10_000);
    await closed;
    expect(await link.ended).toEqual({ reason: "cut", description: "closed by us, without an answer to 1 message" });
    expect(watch.told()).toEqual(["1 accepted"]);
    expect(clock.timerCount()).toBe(0);
  });

  it("by the carrier's unbind answers it, and takes what the carrier still answers", async () => {
    const peer = await startPeer();
    const { link, watch, carrier } = await startBoundLink(peer);
    link.submit(messages(1, 2), watch.onOutcome);
    const first = await carrier.next("submit_sm");
    carrier.send({ command: "unbind", status: 0, sequence: 5 });
    await carrier.next("unbind_resp");
    carrier.answer(first, { messageId: "m" });
    carrier.socket.end();
    expect(await link.ended).toEqual({ reason: "cut", description: "the carrier unbound, without an answer to 1 message" });
    expect(watch.told()).toEqual(["1 accepted"]);
    expect(carrier.received.filter(({ command }) => command === "unbind")).toEqual([]);
  });

  it("by a cut knows what never left: it is not sent, the rest is in doubt, and nothing goes into the dead session", async () => {
    const peer = await startPeer();
    const { link, watch, carrier } = await startBoundLink(peer, { window: 4 });
    const told: string[] = [];
    const onOutcome = (key: number, { kind }: { kind: string }): void => {
      told.push(`${key} ${kind}`);
      // what a dispatcher does: it fills up at once
      if (key < 10) link.submit(messages(key + 10), onOutcome);
    };
    link.submit(messages(1, 2), onOutcome);
    const first = await carrier.next("submit_sm");
    await carrier.next("submit_sm");
    // these two are written in the turn in which the link finds the stream broken
    watch.events.onReceipt = async () => link.submit(messages(3, 4), onOutcome);
    const receipt = encodePdu({
      ...first,
      command: "deliver_sm",
      esmClass: 4,
      sequence: 9,
      shortMessage: Buffer.from("id:1 stat:DELIVRD"),
    });
    carrier.sendOctets(Buffer.concat([receipt, Buffer.from("00000004", "hex")]));
    expect((await link.ended).reason).toBe("cut");
    expect(told).toEqual(["3 not_sent", "13 not_sent", "4 not_sent", "14 not_sent"]);
    await carrier.closed;
    expect(peer.submits).toHaveLength(2);
  });

  it.each([4, 2 ** 31, 65_537])("by a PDU of length %s is over at once, with one clear reason", async (length) => {
    const peer = await startPeer();
    const { link, watch, carrier } = await startBoundLink(peer);
    link.submit(messages(1), watch.onOutcome);
    await carrier.next("submit_sm");
    const octets = Buffer.alloc(4);
    octets.writeUInt32BE(length);
    carrier.sendOctets(octets);
    expect(await link.ended).toEqual({ reason: "cut", description: expect.stringContaining(`command_length is ${length}`) });
    expect(watch.outcomes.size).toBe(0);
    await carrier.closed;
  });

  it("by an answer that makes no sense has one clear reason, and the message is in doubt", async () => {
    const peer = await startPeer();
    const { link, watch, carrier } = await startBoundLink(peer);
    link.submit(messages(1), watch.onOutcome);
    const { sequence } = await carrier.next("submit_sm");
    const octets = encodePdu({
      command: "query_sm_resp",
      status: 0,
      sequence,
      messageId: "",
      finalDate: "",
      messageState: 0,
      errorCode: 0,
    });
    carrier.sendOctets(octets);
    await waitFor("the link to take its leave", () => link.capacity() === 0);
    await link.close(0);
    expect(await link.ended).toEqual({ reason: "cut", description: expect.stringContaining("answered submit_sm with query_sm_resp") });
    expect(watch.outcomes.size).toBe(0);
  });

  it("by an id of 65 characters has one clear reason, and the message is in doubt", async () => {
    const peer = await startPeer();
    const { link, watch, carrier } = await startBoundLink(peer);
    link.submit(messages(1, 2), watch.onOutcome);
    await carrier.next("submit_sm");
    const good = encodePdu({ command: "submit_sm_resp", status: 0, sequence: 2, messageId: "a".repeat(64), tlvs: null });
    const bad = Buffer.concat([good.subarray(0, 16), Buffer.from("a"), good.subarray(16)]);
    bad.writeUInt32BE(bad.length);
    bad.writeUInt32BE(3, 12);
    carrier.sendOctets(Buffer.concat([good, bad]));
    expect(await link.ended).toEqual({ reason: "cut", description: expect.stringContaining("message_id has more than 64 characters") });
    expect(watch.outcomes.get(1)).toEqual([{ kind: "accepted", ids: ["a".repeat(64)] }]);
    expect(watch.outcomes.has(2)).toBe(false);
  });
});

describe("a carrier that says nothing", () => {
  it("for 60 s to a submit ends the link; its late answer is a fact (jsmpp#63, cloudhopper#46, jasmin#247)", async () => {
    const peer = await startPeer((pdu) => pdu.command === "unbind");
    const { link, watch, carrier, clock } = await startBoundLink(peer);
    link.submit(messages(1, 2), watch.onOutcome);
    const [first, second] = [await carrier.next("submit_sm"), await carrier.next("submit_sm")];
    await roundTrip(carrier);
    clock.advance(30_000);
    await carrier.next("enquire_link");
    await roundTrip(carrier);
    clock.advance(29_999);
    expect(watch.outcomes.size).toBe(0);
    clock.advance(1);
    expect(await link.ended).toEqual({ reason: "timed_out", description: "the carrier did not answer a submit_sm within 60 s" });
    expect([watch.outcomes.size, link.capacity()]).toEqual([0, 0]);
    await carrier.next("unbind");
    carrier.answer(first, { messageId: "m" });
    carrier.answer(second, { status: statuses.RINVDSTADR });
    await watch.until(() => watch.outcomes.size === 2);
    expect(watch.told()).toEqual(["1 accepted", "2 rejected"]);
    clock.advance(10_000);
    await carrier.closed;
    expect(clock.timerCount()).toBe(0);
  });

  it("for 30 s is asked whether it is there, and without an answer within 10 s the link ends (gosmpp#151)", async () => {
    const peer = await startPeer((pdu) => pdu.command === "enquire_link");
    const { link, carrier, clock } = await startBoundLink(peer);
    clock.advance(28_999);
    clock.advance(1);
    await carrier.next("enquire_link");
    clock.advance(10_000);
    expect(await link.ended).toEqual({
      reason: "timed_out",
      description: `127.0.0.1:${peer.port} did not answer enquire_link within 10 s`,
    });
  });

  it("but answers each time it is asked stays bound", async () => {
    const peer = await startPeer();
    const { link, watch, carrier, clock } = await startBoundLink(peer, { enquire_link_s: 5 });
    for (let round = 0; round < 5; round++) {
      clock.advance(5_000);
      await carrier.next("enquire_link");
      await roundTrip(carrier);
    }
    expect(watch.states.at(-1)?.kind).toBe("bound");
    await link.close();
  });

  it("is probed before a burst after silence: what was to be sent is then not sent, and not in doubt", async () => {
    const peer = await startPeer((pdu) => pdu.command === "enquire_link");
    const { link, watch, carrier, clock } = await startBoundLink(peer);
    clock.advance(10_000);
    link.submit(messages(1, 2, 3), watch.onOutcome);
    await carrier.next("enquire_link");
    expect(peer.submits).toHaveLength(0);
    clock.advance(10_000);
    expect((await link.ended).reason).toBe("timed_out");
    expect(watch.told()).toEqual(["1 not_sent", "2 not_sent", "3 not_sent"]);
  });

  it("and answers the probe gets the burst", async () => {
    const peer = await startPeer((pdu, connection) => {
      if (pdu.command !== "submit_sm") return undefined;
      connection.answer(pdu, { messageId: String(pdu.sequence) });
      return true;
    });
    const { link, watch, clock, carrier } = await startBoundLink(peer);
    clock.advance(10_000);
    link.submit(messages(1, 2, 3), watch.onOutcome);
    await watch.until(() => watch.outcomes.size === 3);
    expect(carrier.received.map(({ command }) => command)).toEqual([
      "bind_transceiver",
      "enquire_link",
      "submit_sm",
      "submit_sm",
      "submit_sm",
    ]);
    await link.close();
  });
});

describe("generic_nack", () => {
  it.each([statuses.RINVCMDID, statuses.RINVCMDLEN])("with status %s refuses the message that it names", async (status) => {
    const peer = await startPeer((pdu, connection) => {
      if (pdu.command !== "submit_sm") return undefined;
      connection.send({ command: "generic_nack", status, sequence: pdu.sequence });
      return true;
    });
    const { link, watch } = await startBoundLink(peer);
    link.submit(messages(1), watch.onOutcome);
    await watch.until(() => watch.outcomes.size === 1);
    expect(watch.outcomes.get(1)?.[0]?.kind).toBe("rejected");
    await link.close();
  });

  it("that names none ends the link, and what is in flight is in doubt", async () => {
    const peer = await startPeer((pdu, connection) => {
      if (pdu.command !== "submit_sm") return undefined;
      connection.send({ command: "generic_nack", status: statuses.RINVCMDLEN, sequence: 0 });
      return true;
    });
    const { link, watch } = await startBoundLink(peer);
    link.submit(messages(1), watch.onOutcome);
    expect(await link.ended).toEqual({ reason: "cut", description: expect.stringContaining("could not read what we sent") });
    expect(watch.outcomes.size).toBe(0);
  });

  it("answers each command of the carrier that is none for us, except those without an answer", async () => {
    const peer = await startPeer();
    const { link, carrier } = await startBoundLink(peer);
    for (const commandId of [0x0b, 0x102, 0x21, 0x07]) carrier.send({ command: "other", commandId, status: 0, sequence: commandId });
    await carrier.next("generic_nack");
    await carrier.next("generic_nack");
    expect(carrier.received.slice(1)).toEqual(
      [0x21, 0x07].map((sequence) => ({ command: "generic_nack", status: statuses.RINVCMDID, sequence })),
    );
    await link.close();
  });
});

it("a stray answer changes nothing: each message gets its own, once", async () => {
  const peer = await startPeer();
  const { link, watch, carrier } = await startBoundLink(peer);
  link.submit(messages(1), watch.onOutcome);
  const submit = await carrier.next("submit_sm");
  carrier.answer({ ...submit, sequence: 999 }, { status: statuses.RINVDSTADR });
  for (let count = 0; count < 3; count++) carrier.answer(submit, { messageId: "m" });
  carrier.answer(submit, { status: statuses.RINVDSTADR });
  await roundTrip(carrier);
  expect([...watch.outcomes]).toEqual([[1, [{ kind: "accepted", ids: ["m"] }]]]);
  await link.close();
});

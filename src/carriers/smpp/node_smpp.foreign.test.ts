// Our link against the server of npm's smpp, with tshark as the judge of what passed.
import { afterEach, expect, it } from "vitest";
import { type Capture, startCapture } from "../../../testing/capture.ts";
import { carrierMessage, watchLink } from "../../../testing/link_watch.ts";
import { type NodePdu, type NodeSession, startNodeSmpp } from "../../../testing/node_smpp.ts";
import { findPeer } from "../../../testing/peers.ts";
import { silentLog, smppSettingsFor } from "../../../testing/smpp_links.ts";
import { readWithTshark } from "../../../testing/tshark.ts";
import type { SmppSettings } from "../../contracts/carriers.ts";
import type { MessageOutcome } from "../link.ts";
import { openSmppLink } from "./smpp_link.ts";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

interface NodeCarrier {
  capture: Capture;
  /** As node-smpp read them. */
  submits: NodePdu[];
  sessions: NodeSession[];
  receiptsAnswered(): number;
}

/** Accepts everything under ids from 1, and reports each as delivered. */
async function startCarrier(onSubmit?: (pdu: NodePdu, session: NodeSession) => boolean): Promise<NodeCarrier> {
  const submits: NodePdu[] = [];
  const sessions: NodeSession[] = [];
  let answered = 0;
  const carrier = await startNodeSmpp((session) => {
    sessions.push(session);
    for (const mode of ["transceiver", "transmitter", "receiver"]) {
      session.on(`bind_${mode}`, (pdu) =>
        session.send(pdu.response(pdu.password === "secret" ? { system_id: "node" } : { command_status: 0x0e })),
      );
    }
    session.on("enquire_link", (pdu) => session.send(pdu.response()));
    session.on("unbind", (pdu) => {
      session.send(pdu.response());
      session.close();
    });
    session.on("submit_sm", (pdu) => {
      submits.push(pdu);
      if (onSubmit?.(pdu, session) === true) return;
      const id = String(submits.length);
      session.send(pdu.response({ message_id: id }));
      const text = `id:${id} sub:001 dlvrd:001 submit date:2611301200 done date:2611301201 stat:DELIVRD err:000 text:`;
      const fields = { source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: 4, short_message: text };
      session.deliver_sm(fields, () => void answered++);
    });
  });
  const capture = await startCapture(carrier.port);
  stops.push(carrier.stop, capture.stop);
  return { capture, submits, sessions, receiptsAnswered: () => answered };
}

function openLink(port: number, fields: Partial<SmppSettings> = {}, password = "secret") {
  const watch = watchLink();
  const link = openSmppLink({ settings: smppSettingsFor(port, { window: 50, ...fields }), password, log: silentLog }, watch.events);
  return { link, watch };
}

function expectWellFormed(capture: Capture): ReturnType<typeof readWithTshark> | null {
  const tshark = findPeer("tshark");
  if (tshark === null) return null;
  const reading = readWithTshark(tshark, capture.chunks);
  expect(reading.malformed).toEqual([]);
  return reading;
}

/** It reads data_coding 0 as GSM-7 and 8 as UCS-2, and takes the header off. */
const wordsOf = ({ short_message, message_payload }: NodePdu): string => String(message_payload?.message ?? short_message.message ?? "");

const texts = ["Hello @ €", "Grüße {}", "ł😀", "a".repeat(400), "€".repeat(200), "😀".repeat(100)];

it.each(["udh", "sar", "payload"] as const)(
  "texts of all kinds arrive whole, long ones by %s, and their receipts come back",
  async (long_text) => {
    const { capture, submits, receiptsAnswered } = await startCarrier();
    const { link, watch } = openLink(capture.port, { long_text });
    const messages = Array.from({ length: 60 }, (_, index) => carrierMessage(index + 1, { text: texts[index % texts.length] as string }));
    await watch.until(() => watch.states.at(-1)?.kind === "bound");
    await watch.until(() => link.capacity() >= 1);
    let next = 0;
    const fill = (): void => {
      const count = link.capacity();
      link.submit(messages.slice(next, next + count), watch.onOutcome);
      next = Math.min(messages.length, next + count);
    };
    watch.events.onCapacity = fill;
    fill();
    await watch.until(() => watch.outcomes.size === messages.length);
    const ids = [...watch.outcomes.values()].flatMap(([outcome]) => (outcome?.kind === "accepted" ? outcome.ids : []));
    expect(ids.toSorted()).toEqual(submits.map((_, index) => String(index + 1)).toSorted());
    await watch.until(() => watch.receipts.length === submits.length);
    expect(new Set(watch.receipts.map(({ theirId, status }) => `${theirId} ${status}`))).toEqual(
      new Set(ids.map((id) => `${id} delivered`)),
    );
    await link.close();
    expect((await link.ended).reason).toBe("closed");
    expect(receiptsAnswered()).toBe(submits.length);

    for (const { phone, text } of messages) {
      const parts = submits.filter(({ destination_addr }) => destination_addr === phone);
      expect(parts.map(wordsOf).join("")).toBe(text);
      if (long_text === "sar" && parts.length > 1)
        expect(parts.map(({ sar_segment_seqnum }) => sar_segment_seqnum)).toEqual(parts.map((_, index) => index + 1));
    }
    const reading = expectWellFormed(capture);
    if (reading === null) return;
    expect(reading.values("smpp.command_id").filter((id) => id === "0x00000004")).toHaveLength(submits.length);
    expect(reading.values("smpp.command_id").filter((id) => id === "0x80000005")).toHaveLength(submits.length);
  },
);

it("a wrong password is refused, once", async () => {
  const { capture, sessions } = await startCarrier();
  const { link } = openLink(capture.port, {}, "wrong");
  expect(await link.ended).toEqual({ reason: "refused", description: expect.stringContaining("the password is wrong") });
  expect(sessions).toHaveLength(1);
  expectWellFormed(capture);
});

it("with a transmitter and a receiver, its unbind ends the link, and nothing is in doubt", async () => {
  const { capture, sessions } = await startCarrier();
  const { link, watch } = openLink(capture.port, { bind: "transmitter_and_receiver" });
  await watch.until(() => watch.states.at(-1)?.kind === "bound");
  await watch.until(() => link.capacity() > 0);
  link.submit([carrierMessage(1)], watch.onOutcome);
  await watch.until(() => watch.outcomes.size === 1 && watch.receipts.length === 1);
  sessions[0]?.unbind(() => sessions[0]?.close());
  expect(await link.ended).toEqual({ reason: "closed", description: "the carrier unbound" });
  expectWellFormed(capture);
});

it("5,000 messages over links that are cut in the middle: nobody is accepted twice, and doubt is within the window", async () => {
  const window = 20;
  const accepted = new Map<string, number>();
  const { capture, submits } = await startCarrier((pdu) => {
    accepted.set(pdu.destination_addr, (accepted.get(pdu.destination_addr) ?? 0) + 1);
    return false;
  });
  const total = 5_000;
  const queue = Array.from({ length: total }, (_, index) => carrierMessage(index + 1));
  const outcomes = new Map<number, string>();
  /** Without an outcome at the end of their link. */
  const inDoubt = new Set<number>();
  let cuts = 0;
  while (queue.length > 0) {
    const { link, watch } = openLink(capture.port, { window });
    const open = new Set<number>();
    const cutAt = submits.length + 700;
    const onOutcome = (key: number, { kind }: MessageOutcome): void => {
      open.delete(key);
      // certainly not sent: it goes again; nothing else ever does
      if (kind === "not_sent") queue.push(carrierMessage(key));
      else outcomes.set(key, kind);
      if (cuts < 5 && submits.length > cutAt) {
        cuts++;
        capture.cut();
      }
      if (queue.length === 0 && open.size === 0) void link.close();
    };
    watch.events.onCapacity = () => {
      const batch = queue.splice(0, link.capacity());
      for (const { key } of batch) open.add(key);
      link.submit(batch, onOutcome);
    };
    await link.ended;
    expect(open.size).toBeLessThanOrEqual(window);
    for (const key of open) inDoubt.add(key);
  }
  expect(cuts).toBe(5);
  expect([...outcomes.keys(), ...inDoubt].toSorted((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, index) => index + 1));
  expect(inDoubt.size).toBeGreaterThan(0);
  expect(Math.max(...accepted.values())).toBe(1);
  for (const [key, kind] of outcomes) expect([kind, accepted.get(carrierMessage(key).phone)]).toEqual(["accepted", 1]);
});

// Receipts and messages from phones on a link: acknowledged once they are committed.
import { afterEach, expect, it } from "vitest";
import { carrierMessage } from "../../../testing/link_watch.ts";
import { startBoundLink } from "../../../testing/smpp_links.ts";
import { type SmppPeer, startSmppPeer } from "../../../testing/smpp_peer.ts";
import type { SmppSettings } from "../../contracts/carriers.ts";
import { statuses, tags } from "../../protocols/smpp/constants.ts";
import { numberValue } from "../../protocols/smpp/octets.ts";
import { type Pdu, shortMessage } from "../../protocols/smpp/pdus.ts";

const peers: SmppPeer[] = [];
async function start(fields: Partial<SmppSettings> = {}) {
  const peer = await startSmppPeer();
  peers.push(peer);
  return startBoundLink(peer, fields);
}
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.stop();
});

const phone = { ton: 1, npi: 1, digits: "358401234567" };
const us = { ton: 5, npi: 0, digits: "Uni" };
const receiptPdu = (sequence: number, text = `id:${sequence} stat:DELIVRD`): Pdu =>
  shortMessage({ command: "deliver_sm", sequence, source: phone, destination: us, esmClass: 0x04, shortMessage: Buffer.from(text) });

it("a receipt is acknowledged once it is committed, with an empty message_id (smscgateway#232), and keep-alives meanwhile", async () => {
  const { link, watch, carrier } = await start();
  watch.holdCommits();
  carrier.send(receiptPdu(5), { command: "enquire_link", status: 0, sequence: 6 });
  expect(await carrier.next("enquire_link_resp")).toMatchObject({ sequence: 6 });
  expect(watch.receipts).toMatchObject([{ theirId: "5", status: "delivered", phone: "358401234567" }]);
  expect(carrier.received.map(({ command }) => command)).not.toContain("deliver_sm_resp");
  watch.commit();
  expect(await carrier.next("deliver_sm_resp")).toEqual({ command: "deliver_sm_resp", status: 0, sequence: 5, messageId: "", tlvs: null });
  await link.close();
});

it("a receipt that cannot be committed is refused, so that the carrier repeats it; others are acknowledged in any order", async () => {
  const { link, watch, carrier } = await start();
  watch.holdCommits();
  carrier.send(receiptPdu(1), receiptPdu(2));
  await watch.until(() => watch.receipts.length === 2);
  watch.refuse();
  expect(await carrier.next("deliver_sm_resp")).toMatchObject({ sequence: 1, status: statuses.RX_T_APPN });
  carrier.send(receiptPdu(1));
  await watch.until(() => watch.receipts.length === 3);
  watch.commit();
  watch.commit();
  expect(await carrier.next("deliver_sm_resp")).toMatchObject({ sequence: 2, status: 0 });
  expect(await carrier.next("deliver_sm_resp")).toMatchObject({ sequence: 1, status: 0 });
  await link.close();
});

it("a receipt before its submit's answer, and on another bind (jasmin#599), is passed on", async () => {
  const { link, watch, connections } = await start({ bind: "transmitter_and_receiver" });
  const transmitter = connections.find(({ received }) => received[0]?.command === "bind_transmitter");
  const receiver = connections.find((connection) => connection !== transmitter);
  link.submit([carrierMessage(1)], watch.onOutcome);
  const submit = await transmitter?.next("submit_sm");
  receiver?.send(receiptPdu(9, "id:m stat:DELIVRD"));
  await receiver?.next("deliver_sm_resp");
  expect([watch.receipts[0]?.theirId, watch.outcomes.size]).toEqual(["m", 0]);
  transmitter?.answer(submit as Pdu, { messageId: "m" });
  await watch.until(() => watch.outcomes.size === 1);
  await link.close();
});

it("receipts after a final one, of another state or repeated, are all passed on in their order (vumi#991)", async () => {
  const { link, watch, carrier } = await start();
  for (const [index, stat] of ["DELIVRD", "ENROUTE", "DELIVRD"].entries()) carrier.send(receiptPdu(index + 1, `id:7 stat:${stat}`));
  for (let count = 0; count < 3; count++) await carrier.next("deliver_sm_resp");
  expect(watch.receipts.map(({ theirId, status }) => [theirId, status])).toEqual([
    ["7", "delivered"],
    ["7", "queued"],
    ["7", "delivered"],
  ]);
  await link.close();
});

it("one receipt for a message of three parts is passed on by the id that it names (ksmppd#59)", async () => {
  const { link, watch, carrier } = await start();
  link.submit([carrierMessage(1, { text: "a".repeat(400) })], watch.onOutcome);
  for (const id of ["a", "b", "c"]) carrier.answer(await carrier.next("submit_sm"), { messageId: id });
  await watch.until(() => watch.outcomes.size === 1);
  carrier.send(receiptPdu(1, "id:a stat:DELIVRD"));
  await carrier.next("deliver_sm_resp");
  expect([watch.outcomes.get(1), watch.receipts.map(({ theirId }) => theirId)]).toEqual([
    [{ kind: "accepted", ids: ["a", "b", "c"] }],
    ["a"],
  ]);
  await link.close();
});

it("a receipt as data_sm is answered as one", async () => {
  const { link, watch, carrier } = await start();
  const tlvs = new Map([
    [tags.receipted_message_id, Buffer.from("77\0")],
    [tags.message_state, numberValue(2, 1)],
  ]);
  carrier.send({
    command: "data_sm",
    status: 0,
    sequence: 4,
    serviceType: "",
    source: phone,
    destination: us,
    esmClass: 4,
    registeredDelivery: 0,
    dataCoding: 0,
    tlvs,
  });
  expect(await carrier.next("data_sm_resp")).toMatchObject({ status: 0, sequence: 4 });
  expect(watch.receipts).toMatchObject([{ theirId: "77", status: "delivered" }]);
  await link.close();
});

it("a message from a phone is acknowledged once it is stored", async () => {
  const { link, watch, carrier } = await start();
  watch.holdCommits();
  carrier.send(
    shortMessage({
      command: "deliver_sm",
      sequence: 3,
      source: phone,
      destination: { ...us, digits: "12345" },
      shortMessage: Buffer.from("STOP"),
    }),
  );
  await watch.until(() => watch.inbound.length === 1);
  expect(watch.inbound[0]).toMatchObject({ from: "358401234567", to: "12345", text: "STOP", part: null });
  expect(carrier.received.map(({ command }) => command)).not.toContain("deliver_sm_resp");
  watch.commit();
  expect(await carrier.next("deliver_sm_resp")).toMatchObject({ sequence: 3, status: 0 });
  await link.close();
});

it("10,000 receipts of unknown ids at once: each is committed or refused, and none is lost", async () => {
  const { link, watch, carrier } = await start();
  watch.holdCommits();
  const count = 10_000;
  carrier.send(...Array.from({ length: count }, (_, index) => receiptPdu(index + 1)));
  const answers: { sequence: number; status: number }[] = [];
  // those beyond what may wait are refused at once
  for (let index = 0; index < count - watch.receipts.length; index++) answers.push(await carrier.next("deliver_sm_resp"));
  expect(answers.every(({ status }) => status === statuses.RX_T_APPN)).toBe(true);
  expect(watch.receipts).toHaveLength(5_000);
  while (watch.receipts.length > 0 && answers.length < count) {
    watch.commit();
    answers.push(await carrier.next("deliver_sm_resp"));
  }
  expect(answers.filter(({ status }) => status === 0)).toHaveLength(5_000);
  expect(new Set(answers.map(({ sequence }) => sequence)).size).toBe(count);
  await link.close();
});

it("a receipt that is committed after the link was cut changes nothing: the carrier repeats it elsewhere", async () => {
  const { link, watch, carrier } = await start();
  watch.holdCommits();
  carrier.send(receiptPdu(1), receiptPdu(2));
  await watch.until(() => watch.receipts.length === 2);
  carrier.cut();
  await link.ended;
  watch.commit();
  watch.refuse();
  expect((await link.ended).reason).toBe("cut");
});

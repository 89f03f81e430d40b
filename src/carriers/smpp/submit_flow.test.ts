// Window, rate, throttling and the parts of a message, on a link to a scripted carrier.
import { afterEach, describe, expect, it } from "vitest";
import { carrierMessage } from "../../../testing/link_watch.ts";
import { startBoundLink, startLink } from "../../../testing/smpp_links.ts";
import { type PeerConnection, type PeerScript, type SmppPeer, startSmppPeer } from "../../../testing/smpp_peer.ts";
import type { SmppSettings } from "../../contracts/carriers.ts";
import { statuses } from "../../protocols/smpp/constants.ts";
import type { ShortMessagePdu } from "../../protocols/smpp/pdus.ts";

const peers: SmppPeer[] = [];
async function start(fields: Partial<SmppSettings> = {}, script?: PeerScript) {
  const peer = await startSmppPeer(script);
  peers.push(peer);
  return { peer, ...(await startBoundLink(peer, fields)) };
}
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.stop();
});

const messages = (...keys: number[]) => keys.map((key) => carrierMessage(key));
const takeSubmits = async (carrier: PeerConnection, count: number): Promise<ShortMessagePdu[]> => {
  const submits: ShortMessagePdu[] = [];
  for (let index = 0; index < count; index++) submits.push(await carrier.next("submit_sm"));
  return submits;
};
/** All that the carrier sent before has been handled by the link once this resolves. */
async function roundTrip(carrier: PeerConnection): Promise<void> {
  carrier.send({ command: "enquire_link", status: 0, sequence: 77 });
  await carrier.next("enquire_link_resp");
}
/** Number of the part by its header, and its reference. */
const placeOf = ({ shortMessage }: ShortMessagePdu) => ({ reference: shortMessage[3] as number, number: shortMessage[5] as number });
const threeParts = "a".repeat(400);
const acceptAll: PeerScript = (pdu, connection) => {
  if (pdu.command !== "submit_sm") return undefined;
  connection.answer(pdu, { messageId: `id${pdu.sequence}` });
  return true;
};

describe("the window", () => {
  it("is the most messages in flight, and an answer makes room for the next", async () => {
    const { link, watch, carrier, peer } = await start({ window: 3 });
    link.submit(messages(1, 2), watch.onOutcome);
    expect(link.capacity()).toBe(1);
    link.submit(messages(3), watch.onOutcome);
    expect(link.capacity()).toBe(0);
    const [first] = await takeSubmits(carrier, 3);
    const calls = watch.capacityCalls();
    carrier.answer(first as ShortMessagePdu, { messageId: "m" });
    await watch.until(() => watch.capacityCalls() > calls);
    expect([link.capacity(), peer.submits.length]).toEqual([1, 3]);
    await link.close(0);
  });

  it("counts parts, not messages, and never has more of them in flight, however many were submitted", async () => {
    let inFlight = 0;
    let most = 0;
    const held: { pdu: ShortMessagePdu; connection: PeerConnection }[] = [];
    const { link, watch } = await start({ window: 4 }, (pdu, connection) => {
      if (pdu.command !== "submit_sm") return undefined;
      most = Math.max(most, ++inFlight);
      held.push({ pdu, connection });
      // the oldest is answered once as many wait as may
      setImmediate(() => {
        for (const { pdu: next, connection: on } of held.splice(0, inFlight >= 3 ? held.length : 0)) {
          inFlight--;
          on.answer(next, { messageId: String(next.sequence) });
        }
      });
      return true;
    });
    link.submit(
      [1, 2, 3, 4].map((key) => carrierMessage(key, { text: threeParts })),
      watch.onOutcome,
    );
    expect(link.capacity()).toBe(0);
    await watch.until(() => watch.outcomes.size === 4);
    expect(most).toBe(3); // the next message's three would not fit beside them
    expect([...watch.outcomes.values()].map(([outcome]) => (outcome?.kind === "accepted" ? outcome.ids.length : 0))).toEqual([3, 3, 3, 3]);
    await link.close();
  });

  it("smaller than a message takes it part by part", async () => {
    const { link, watch, peer } = await start({ window: 2 }, acceptAll);
    link.submit([carrierMessage(1, { text: "a".repeat(700) })], watch.onOutcome);
    await watch.until(() => watch.outcomes.size === 1);
    expect(peer.submits.map((pdu) => placeOf(pdu).number)).toEqual([1, 2, 3, 4, 5]);
    await link.close();
  });

  it("has room again at once for what is told within an outcome", async () => {
    const { link, watch } = await start({ window: 1 }, acceptAll);
    let left = 50;
    const next = (key: number, outcome: never): void => {
      watch.onOutcome(key, outcome);
      if (--left > 0) link.submit(messages(key + 1), next as never);
    };
    link.submit(messages(1), next as never);
    await watch.until(() => watch.outcomes.size === 50);
    expect(watch.told()).toEqual(Array.from({ length: 50 }, (_, index) => `${index + 1} accepted`));
    await link.close();
  });
});

describe("the rate", () => {
  it("lets nothing out in the first second of a link: whoever had the slot before may have used it up", async () => {
    const peer = await startSmppPeer(acceptAll);
    peers.push(peer);
    const { link, watch, clock } = startLink(peer.port, { parts_per_second: 20, window: 10 });
    await watch.until(() => watch.states.at(-1)?.kind === "bound");
    expect(link.capacity()).toBe(0);
    clock.advance(999);
    expect([link.capacity(), watch.capacityCalls()]).toEqual([0, 0]);
    clock.advance(1);
    expect([link.capacity(), watch.capacityCalls()]).toEqual([1, 1]);
    link.submit(messages(1), watch.onOutcome);
    expect(link.capacity()).toBe(0);
    await watch.until(() => watch.outcomes.size === 1);
    clock.advance(50);
    expect(link.capacity()).toBe(1);
    await link.close();
  });

  it("is each link's share, and counts parts", async () => {
    const { link, watch, clock, peer, carrier } = await start({ parts_per_second: 20, links: 2, window: 10 }, acceptAll);
    link.submit([carrierMessage(1, { text: threeParts }), ...messages(2, 3)], watch.onOutcome);
    await watch.until(() => watch.outcomes.size === 1);
    await roundTrip(carrier);
    expect(peer.submits).toHaveLength(3);
    clock.advance(100);
    await watch.until(() => watch.outcomes.size === 2);
    clock.advance(100);
    await watch.until(() => watch.outcomes.size === 3);
    await link.close();
  });
});

describe("a throttled part", () => {
  const throttleOnce = (sequences: readonly number[], status: number): PeerScript => {
    const left = new Set(sequences);
    return (pdu, connection) => {
      if (pdu.command !== "submit_sm") return undefined;
      const isThrottled = left.delete(pdu.sequence);
      connection.answer(pdu, isThrottled ? { status } : { messageId: `id${pdu.sequence}` });
      return true;
    };
  };

  it.each([statuses.RTHROTTLED, statuses.RMSGQFUL])(
    "with status %s rests the whole link, and goes again before what comes later (jasmin#425, vumi#636, jasmin#796)",
    async (status) => {
      const { link, watch, clock, peer } = await start({ window: 3 }, throttleOnce([3, 4], status));
      link.submit(messages(1, 2, 3), watch.onOutcome);
      await watch.until(() => watch.outcomes.size === 1);
      await watch.until(() => watch.states.at(-1)?.kind === "resting");
      expect(watch.states.at(-1)).toMatchObject({ kind: "resting", forMs: 1_000 });
      expect(link.capacity()).toBe(0);
      clock.advance(999);
      expect(peer.submits).toHaveLength(3);
      clock.advance(1);
      await watch.until(() => watch.outcomes.size === 3);
      expect(watch.told()).toEqual(["1 accepted", "2 accepted", "3 accepted"]);
      expect(watch.outcomes.get(2)).toEqual([{ kind: "accepted", ids: ["id5"] }]);
      expect(peer.submits.map(({ destination }) => destination.digits.slice(-1))).toEqual(["1", "2", "3", "2", "3"]);
      expect(watch.states.map(({ kind }) => kind)).toEqual(["connecting", "bound", "resting", "bound"]);
      await link.close();
    },
  );

  it("rests longer each time in a row, up to 30 s, and 1 s again after an acceptance", async () => {
    let throttles = 7;
    const { link, watch, clock } = await start({ window: 1, enquire_link_s: 600 }, (pdu, connection) => {
      if (pdu.command !== "submit_sm") return undefined;
      connection.answer(pdu, throttles-- > 0 ? { status: statuses.RTHROTTLED } : { messageId: "m" });
      return true;
    });
    const rests = (): number[] => watch.states.flatMap((state) => (state.kind === "resting" ? [state.forMs] : []));
    link.submit(messages(1), watch.onOutcome);
    for (let round = 1; round <= 7; round++) {
      await watch.until(() => rests().length === round);
      clock.advance(rests().at(-1) as number);
    }
    await watch.until(() => watch.outcomes.size === 1);
    expect(rests()).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    throttles = 1;
    link.submit(messages(2), watch.onOutcome);
    await watch.until(() => rests().length === 8);
    expect(rests().at(-1)).toBe(1_000);
    clock.advance(1_000);
    await watch.until(() => watch.outcomes.size === 2);
    await link.close();
  });

  it("goes again under the same reference, and its message is accepted whole (ksmppd#126)", async () => {
    const { link, watch, clock, peer } = await start({ window: 10 }, throttleOnce([3], statuses.RTHROTTLED));
    link.submit([carrierMessage(1, { text: threeParts })], watch.onOutcome);
    await watch.until(() => watch.states.at(-1)?.kind === "resting");
    expect(watch.outcomes.size).toBe(0);
    clock.advance(1_000);
    await watch.until(() => watch.outcomes.size === 1);
    expect(watch.outcomes.get(1)).toEqual([{ kind: "accepted", ids: ["id2", "id5", "id4"] }]);
    expect(peer.submits.map((pdu) => placeOf(pdu).number)).toEqual([1, 2, 3, 2]);
    expect(new Set(peer.submits.map((pdu) => placeOf(pdu).reference)).size).toBe(1);
    await link.close();
  });

  it("that waits when the link is cut was never accepted: it is not sent, and not in doubt", async () => {
    const { link, watch, carrier } = await start({ window: 3 }, throttleOnce([2, 3, 4], statuses.RTHROTTLED));
    link.submit([carrierMessage(1), carrierMessage(2, { text: "a".repeat(200) })], watch.onOutcome);
    await watch.until(() => watch.states.at(-1)?.kind === "resting");
    await roundTrip(carrier);
    carrier.cut();
    await link.ended;
    expect(watch.told()).toEqual(["1 not_sent", "2 not_sent"]);
  });

  it("whose message has no time left is given back", async () => {
    const { link, watch, clock } = await start({ window: 2 }, throttleOnce([2], statuses.RTHROTTLED));
    link.submit([carrierMessage(1, { validUntilMs: clock.wallMs() + 500 })], watch.onOutcome);
    await watch.until(() => watch.states.at(-1)?.kind === "resting");
    clock.advance(1_000);
    await watch.until(() => watch.outcomes.size === 1);
    expect(watch.outcomes.get(1)).toEqual([{ kind: "not_sent", reason: "valid_until has passed" }]);
    await link.close();
  });

  it("waits for its turn while the link closes, and half a message is not left behind", async () => {
    const { link, watch, clock } = await start({ window: 10 }, throttleOnce([3], statuses.RTHROTTLED));
    link.submit([carrierMessage(1, { text: threeParts }), carrierMessage(2)], watch.onOutcome);
    await watch.until(() => watch.states.at(-1)?.kind === "resting" && watch.outcomes.has(2));
    const closed = link.close(5_000);
    clock.advance(1_000);
    await closed;
    expect(watch.told()).toEqual(["2 accepted", "1 accepted"]);
    expect((await link.ended).reason).toBe("closed");
  });
});

describe("a refused submit", () => {
  const answerBy =
    (answers: Readonly<Record<number, { status?: number; messageId?: string }>>): PeerScript =>
    (pdu, connection) => {
      if (pdu.command !== "submit_sm") return undefined;
      connection.answer(pdu, answers[pdu.sequence] ?? { messageId: `id${pdu.sequence}` });
      return true;
    };

  it("ends its message alone, with the carrier's code", async () => {
    const { link, watch } = await start({}, answerBy({ 2: { status: statuses.RINVDSTADR }, 4: { status: 0x410 } }));
    link.submit(messages(1, 2, 3), watch.onOutcome);
    await watch.until(() => watch.outcomes.size === 3);
    expect([...watch.outcomes.values()].flat()).toEqual([
      { kind: "rejected", errorCode: "ESME_RINVDSTADR" },
      { kind: "accepted", ids: ["id3"] },
      { kind: "rejected", errorCode: "0x410" },
    ]);
    await link.close();
  });

  it("of one part beside accepted ones ends the message with the ids of those", async () => {
    const { link, watch } = await start(
      {},
      answerBy({
        3: { status: statuses.RINVMSGLEN },
        5: { status: statuses.RINVMSGLEN },
        6: { status: statuses.RINVDSTADR },
        7: { status: statuses.RINVDSTADR },
      }),
    );
    link.submit(
      [1, 2].map((key) => carrierMessage(key, { text: threeParts })),
      watch.onOutcome,
    );
    await watch.until(() => watch.outcomes.size === 2);
    expect([...watch.outcomes.values()].flat()).toEqual([
      { kind: "parts_rejected", ids: ["id2", "id4"], errorCode: "ESME_RINVMSGLEN" },
      { kind: "rejected", errorCode: "ESME_RINVMSGLEN" },
    ]);
    await link.close();
  });

  it("of a part keeps the rest of its message back", async () => {
    const { link, watch, peer, carrier } = await start({ window: 2 }, answerBy({ 2: { status: statuses.RINVDSTADR } }));
    link.submit([carrierMessage(1, { text: "a".repeat(700) })], watch.onOutcome);
    await watch.until(() => watch.outcomes.size === 1);
    await roundTrip(carrier);
    expect(watch.outcomes.get(1)).toEqual([{ kind: "parts_rejected", ids: ["id3"], errorCode: "ESME_RINVDSTADR" }]);
    expect(peer.submits).toHaveLength(2);
    await link.close();
  });

  it.each([statuses.RSYSERR, statuses.RX_T_APPN])("with status %s is given back to be sent later, and the link rests", async (status) => {
    const { link, watch, clock } = await start({}, answerBy({ 2: { status } }));
    link.submit(messages(1), watch.onOutcome);
    await watch.until(() => watch.outcomes.size === 1);
    expect(watch.outcomes.get(1)).toEqual([{ kind: "not_sent", reason: expect.stringContaining("try again later") }]);
    expect([link.capacity(), watch.states.at(-1)?.kind]).toEqual([0, "resting"]);
    clock.advance(1_000);
    expect(link.capacity()).toBeGreaterThan(0);
    await link.close();
  });

  it("to be sent later, of a message half accepted, goes again within the link, and not forever", async () => {
    const { link, watch, clock, peer } = await start({ enquire_link_s: 600, window: 1 }, (pdu, connection) => {
      if (pdu.command !== "submit_sm") return undefined;
      connection.answer(pdu, placeOf(pdu).number === 1 ? { messageId: "first" } : { status: statuses.RSYSERR });
      return true;
    });
    link.submit([carrierMessage(1, { text: "a".repeat(200) })], watch.onOutcome);
    const rests = (): number[] => watch.states.flatMap((state) => (state.kind === "resting" ? [state.forMs] : []));
    for (let round = 1; round <= 10; round++) {
      await watch.until(() => rests().length === round);
      clock.advance(rests().at(-1) as number);
    }
    await watch.until(() => watch.outcomes.size === 1);
    expect(watch.outcomes.get(1)).toEqual([{ kind: "parts_rejected", ids: ["first"], errorCode: "ESME_RSYSERR" }]);
    expect(peer.submits).toHaveLength(12);
    await link.close();
  });

  it.each([
    [statuses.RINVSYSID, "refused", {}],
    [statuses.RINVBNDSTS, "cut", {}],
    [1042, "refused", { statuses: { "1042": "stop" } as const }],
  ])(
    "with status %s ends the link as %s: the message was not accepted, and answers under way still count",
    async (status, reason, fields) => {
      const { link, watch, carrier } = await start({ ...fields });
      link.submit(messages(1, 2), watch.onOutcome);
      const [first, second] = await takeSubmits(carrier, 2);
      carrier.answer(first as ShortMessagePdu, { status });
      await watch.until(() => watch.outcomes.size === 1);
      expect(link.capacity()).toBe(0);
      carrier.answer(second as ShortMessagePdu, { messageId: "m" });
      expect((await link.ended).reason).toBe(reason);
      expect(watch.told()).toEqual(["1 not_sent", "2 accepted"]);
    },
  );

  it("with a status of the carrier's own meaning is what its settings say", async () => {
    const { link, watch } = await start(
      { statuses: { "88": "rejected", "1040": "accepted" } },
      answerBy({ 2: { status: 88 }, 3: { status: 1040 } }),
    );
    link.submit(messages(1, 2), watch.onOutcome);
    await watch.until(() => watch.outcomes.size === 2);
    expect(watch.told()).toEqual(["1 rejected", "2 accepted"]);
    await link.close();
  });
});

describe("a message", () => {
  it("that SMPP cannot carry is refused alone, without anything sent", async () => {
    const { link, watch, peer } = await start({}, acceptAll);
    link.submit(
      [carrierMessage(1, { sender: "Łódź" }), carrierMessage(2, { sender: "x".repeat(21), text: threeParts }), carrierMessage(3)],
      watch.onOutcome,
    );
    await watch.until(() => watch.outcomes.size === 3);
    expect([...watch.outcomes.values()].flat().map((outcome) => (outcome.kind === "rejected" ? outcome.errorCode : outcome.kind))).toEqual([
      "not_encodable",
      "not_encodable",
      "accepted",
    ]);
    expect(peer.submits).toHaveLength(1);
    expect(link.capacity()).toBe(10);
    await link.close();
  });

  it("whose time has passed is given back unsent", async () => {
    const { link, watch, clock, peer } = await start({}, acceptAll);
    link.submit([carrierMessage(1, { validUntilMs: clock.wallMs() }), carrierMessage(2)], watch.onOutcome);
    await watch.until(() => watch.outcomes.size === 2);
    expect(watch.told()).toEqual(["1 not_sent", "2 accepted"]);
    expect(peer.submits).toHaveLength(1);
    await link.close();
  });

  it("of several parts has a reference of its own, also while they wrap at 255 (jasmin#850)", async () => {
    const { link, watch, peer, clock } = await start({ window: 600 }, acceptAll);
    link.submit(
      Array.from({ length: 300 }, (_, index) => carrierMessage(index + 1, { text: "a".repeat(161) })),
      watch.onOutcome,
    );
    clock.advance(100); // the rate lets 500 parts out at once
    await watch.until(() => watch.outcomes.size === 300);
    const references = Array.from({ length: 300 }, (_, index) =>
      peer.submits.slice(2 * index, 2 * index + 2).map((pdu) => placeOf(pdu).reference),
    );
    for (const [first, second] of references) expect(second).toBe(first);
    references.forEach(([reference], index) => {
      expect(reference).toBe(((references[0]?.[0] as number) + index) % 256);
    });
    await link.close();
  });

  it("has its ids by the carrier's rule, and none where the carrier gives none", async () => {
    const ids = ["39F99DD5", ""];
    const { link, watch } = await start({ answer_ids: "hex_to_dec" }, (pdu, connection) => {
      if (pdu.command !== "submit_sm") return undefined;
      connection.answer(pdu, { messageId: ids.shift() as string });
      return true;
    });
    link.submit(messages(1, 2), watch.onOutcome);
    await watch.until(() => watch.outcomes.size === 2);
    expect([...watch.outcomes.values()].flat()).toEqual([
      { kind: "accepted", ids: ["972660181"] },
      { kind: "accepted", ids: [] },
    ]);
    await link.close();
  });
});

// A link to a carrier over SMPP 3.4: one transceiver, or a transmitter and a receiver. It never
// opens anew by itself: whoever holds its lease opens the next one.
import { randomInt } from "node:crypto";
import type { SmppSettings } from "../../contracts/carriers.ts";
import type { Log } from "../../platform/log.ts";
import type { Backoff } from "../../platform/time/backoff.ts";
import { type Clock, systemClock } from "../../platform/time/clock.ts";
import { describeStatus, statuses } from "../../protocols/smpp/constants.ts";
import type { Pdu } from "../../protocols/smpp/pdus.ts";
import type { CarrierLink, CarrierMessage, LinkEnd, LinkEvents } from "../link.ts";
import { type DeliveryPdu, readDelivery } from "./deliveries.ts";
import { type BindMode, openSession, type Session } from "./session.ts";
import { type OnOutcome, type OutgoingPart, SubmitQueue } from "./submit_queue.ts";

/**
 * Between two links of one slot, by `spreadBackoffMs`; the count begins again once one is bound.
 */
export const reopenBackoff: Backoff = { firstMs: 1_000, maxMs: 60_000 };

/** After so long without a sign of life, the next burst begins with a probe. */
const probeAfterMs = 10_000;
const drainDefaultMs = 10_000;
/** A carrier that delivers more at once than we can commit has to wait. */
const unacknowledgedMax = 5_000;

export interface SmppLinkOptions {
  settings: SmppSettings;
  password: string;
  log: Log;
  clock?: Clock;
}

/** Begins to connect at once. Never throws: what fails ends the link. */
export function openSmppLink(options: SmppLinkOptions, events: LinkEvents): CarrierLink {
  return new SmppLink(options, events);
}

class SmppLink implements CarrierLink {
  readonly ended: Promise<LinkEnd>;
  readonly #options: SmppLinkOptions;
  readonly #events: LinkEvents;
  readonly #clock: Clock;
  readonly #queue: SubmitQueue;
  /** The first one submits. */
  readonly #sessions: Session<OutgoingPart>[];
  #openSessions: number;
  #resolveEnded: (end: LinkEnd) => void = () => {};
  #end: LinkEnd | null = null;
  /** Why it takes its leave. */
  #leaving: LinkEnd | null = null;
  #stopDrain: (() => void) | null = null;
  #peer = "";
  #isProbing = false;
  #hasFreed = false;
  #unacknowledged = 0;

  constructor(options: SmppLinkOptions, events: LinkEvents) {
    this.#options = options;
    this.#events = events;
    this.#clock = options.clock ?? systemClock;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#queue = this.#createQueue();
    events.onState({ kind: "connecting" });
    const modes: BindMode[] = options.settings.bind === "transceiver" ? ["transceiver"] : ["transmitter", "receiver"];
    this.#openSessions = modes.length;
    this.#sessions = modes.map((mode) => this.#openSession(mode));
  }

  capacity(): number {
    return this.#isSubmitting() ? this.#queue.capacity() : 0;
  }

  submit(messages: readonly CarrierMessage[], onOutcome: OnOutcome): void {
    for (const message of messages) {
      if (this.#isSubmitting()) this.#queue.add(message, onOutcome);
      else onOutcome(message.key, { kind: "not_sent", reason: this.#end?.description ?? "the link is not bound" });
    }
    this.#probeAfterSilence();
    this.#queue.pump();
  }

  async close(drainMs = drainDefaultMs): Promise<void> {
    const end: LinkEnd = { reason: "closed", description: "closed by us" };
    if (this.#leaving === null) this.#leave(end, drainMs);
    else this.#drainWithin(drainMs);
    await this.ended;
    // after a time-out some are still read for late answers
    for (const session of this.#sessions) session.cut(end);
  }

  #isSubmitting(): boolean {
    return this.#end === null && this.#leaving === null && this.#sessions.every((session) => session.isBound());
  }

  #createQueue(): SubmitQueue {
    return new SubmitQueue({
      settings: this.#options.settings,
      clock: this.#clock,
      firstReference: randomInt(0x10000),
      write: (pdu, part) => this.#sessions[0]?.submit(pdu, part),
      isReady: () => !this.#isProbing && this.#sessions[0]?.isBound() === true,
      onRest: (forMs, reason) => this.#events.onState({ kind: "resting", forMs, reason }),
      onRestEnd: () => {
        if (this.#isSubmitting()) this.#events.onState({ kind: "bound", peer: this.#peer });
        this.#proceed();
      },
      onRate: () => this.#proceed(),
      onTimeout: () => this.#onTimeout(),
      onFatal: (description, isInVain) => this.#leave({ reason: isInVain ? "refused" : "cut", description }, drainDefaultMs),
    });
  }

  #openSession(mode: BindMode): Session<OutgoingPart> {
    const { settings, password, log } = this.#options;
    const session: Session<OutgoingPart> = openSession<OutgoingPart>(
      { settings, password, mode, clock: this.#clock },
      {
        onBound: (peer) => this.#onBound(peer),
        onAnswer: (part, pdu) => this.#onAnswer(part, pdu),
        onDelivery: (pdu) => this.#onDelivery(session, pdu),
        onHeard: () => this.#onHeard(),
        onUnbind: () => this.#leave({ reason: "closed", description: "the carrier unbound" }, 0),
        onStray: ({ command, sequence, status }) =>
          log.warn(
            { event: "smpp.stray_answer", command, sequence, status: describeStatus(status) },
            "the carrier answered nothing that we asked",
          ),
        onEnd: (end, unsent) => this.#onSessionEnd(session, end, unsent),
      },
    );
    return session;
  }

  #onBound(peer: string): void {
    this.#peer = peer;
    if (!this.#isSubmitting()) return;
    this.#events.onState({ kind: "bound", peer });
    this.#proceed();
  }

  #onAnswer(part: OutgoingPart, pdu: Pdu): void {
    this.#queue.onAnswer(part, pdu);
    this.#hasFreed = true;
  }

  /** Once for all answers that came together. */
  #onHeard(): void {
    if (!this.#hasFreed) return;
    this.#hasFreed = false;
    this.#proceed();
  }

  /** Sends what may go, and lets the owner fill up. */
  #proceed(): void {
    this.#queue.pump();
    if (this.capacity() > 0) this.#events.onCapacity();
    this.#leaveWhenDrained();
  }

  /** A path that died unnoticed is found while nothing is in flight. */
  #probeAfterSilence(): void {
    const session = this.#sessions[0];
    if (this.#isProbing || session === undefined || !this.#isSubmitting()) return;
    if (this.#queue.openCount() === 0 || this.#queue.inFlightCount() > 0 || session.quietMs() < probeAfterMs) return;
    this.#isProbing = true;
    session.probe(() => {
      this.#isProbing = false;
      this.#proceed();
    });
  }

  #onDelivery(session: Session<OutgoingPart>, pdu: DeliveryPdu): void {
    if (this.#unacknowledged >= unacknowledgedMax) {
      session.respond(pdu, statuses.RX_T_APPN);
      return;
    }
    this.#unacknowledged++;
    void this.#handOver(pdu)
      .then(
        () => session.respond(pdu, statuses.ROK),
        (error: unknown) => {
          this.#options.log.warn({ event: "smpp.delivery_refused", reason: String(error) }, "not committed: the carrier has to repeat it");
          session.respond(pdu, statuses.RX_T_APPN);
        },
      )
      .then(() => {
        this.#unacknowledged--;
        this.#leaveWhenDrained();
      });
  }

  async #handOver(pdu: DeliveryPdu): Promise<void> {
    const delivery = readDelivery(pdu, this.#options.settings);
    await (delivery.kind === "receipt" ? this.#events.onReceipt(delivery.receipt) : this.#events.onInbound(delivery.message));
  }

  /** Answers that are late still count: the sessions are left, not cut. */
  #onTimeout(): void {
    const seconds = this.#options.settings.answer_timeout_s;
    const end: LinkEnd = { reason: "timed_out", description: `the carrier did not answer a submit_sm within ${seconds} s` };
    this.#queue.end(end.description);
    this.#finish(end);
    for (const session of this.#sessions) session.leave(end);
  }

  /** Submits nothing new, waits for answers and commits, and unbinds. */
  #leave(end: LinkEnd, drainMs: number): void {
    if (this.#end !== null || this.#leaving !== null) return;
    this.#leaving = end;
    this.#queue.stopNew(end.description);
    this.#drainWithin(drainMs);
  }

  #drainWithin(drainMs: number): void {
    this.#stopDrain?.();
    if (this.#end !== null) return;
    if (drainMs <= 0) this.#unbind();
    else {
      this.#stopDrain = this.#clock.after(drainMs, () => this.#unbind());
      this.#leaveWhenDrained();
    }
  }

  #leaveWhenDrained(): void {
    if (this.#leaving !== null && this.#queue.openCount() === 0 && this.#unacknowledged === 0) this.#unbind();
  }

  #unbind(): void {
    const end = this.#leaving;
    if (end === null || this.#end !== null) return;
    this.#stopDrain?.();
    for (const session of this.#sessions) session.leave(end);
  }

  /** One without the other is no link: it is left, after the answers that it still gets. */
  #onSessionEnd(session: Session<OutgoingPart>, end: LinkEnd, unsent: OutgoingPart[]): void {
    const isSubmitting = session === this.#sessions[0];
    if (isSubmitting) this.#queue.end(end.description, unsent);
    this.#openSessions--;
    if (this.#openSessions > 0) this.#leave(end, isSubmitting ? 0 : drainDefaultMs);
    else this.#finish(this.#leaving ?? end);
  }

  /** Its queue has ended by now. */
  #finish(end: LinkEnd): void {
    if (this.#end !== null) return;
    this.#stopDrain?.();
    const inDoubt = this.#queue.openCount();
    // `closed` promises that nothing is in doubt
    this.#end =
      end.reason === "closed" && inDoubt > 0
        ? { reason: "cut", description: `${end.description}, without an answer to ${inDoubt} message${inDoubt === 1 ? "" : "s"}` }
        : end;
    this.#resolveEnded(this.#end);
    this.#events.onState({ kind: "over", reason: this.#end.description });
  }
}

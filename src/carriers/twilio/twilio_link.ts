// A link to Twilio: messages one per request, over keep-alive connections, within the link's window
// and rate. It never opens anew by itself: whoever holds its lease opens the next one. A message
// whose answer might have been an acceptance has no outcome, and ends the link, as a lost answer
// does for every carrier that would send again.
import type { TwilioSettings } from "../../contracts/carriers.ts";
import { simulatorHeader, simulatorSystemId } from "../../contracts/simulator_accounts.ts";
import { type Backoff, backoffMs } from "../../platform/time/backoff.ts";
import { type Clock, systemClock } from "../../platform/time/clock.ts";
import { type CreateMessage, validityPeriodS } from "../../protocols/twilio/message.ts";
import { countParts } from "../../sms/parts.ts";
import type { CarrierLink, CarrierMessage, LinkEnd, LinkEvents, MessageOutcome } from "../link.ts";
import { PartRate } from "../part_rate.ts";
import { openTwilioApi, type TwilioApi } from "./api.ts";
import { callbackUrl, signReference } from "./callback_url.ts";
import { type Judgement, judgeAnswer, judgeFailure } from "./outcomes.ts";
import { senderOf } from "./sender.ts";

/** After a throttled message the whole link rests; longer each time in a row. */
const restBackoff: Backoff = { firstMs: 1_000, maxMs: 30_000 };
const answerTimeoutDefaultMs = 60_000;
/** An answer that is late is heard for so long: it is a fact. */
const lateAnswerMs = 60_000;
const drainDefaultMs = 10_000;

type OnOutcome = (key: number, outcome: MessageOutcome) => void;

export interface TwilioLinkOptions {
  settings: TwilioSettings;
  authToken: string;
  /** Signs the references in callback addresses. */
  referenceKey: string;
  /** ms to wait for the answer to one request */
  answerTimeoutMs?: number;
  clock?: Clock;
}

/** Asks for the credentials' validity at once. Never throws: what fails ends the link. */
export function openTwilioLink(options: TwilioLinkOptions, events: LinkEvents): CarrierLink {
  return new TwilioLink(options, events);
}

interface Waiting {
  message: CarrierMessage;
  parts: number;
  onOutcome: OnOutcome;
}

class TwilioLink implements CarrierLink {
  readonly ended: Promise<LinkEnd>;
  readonly #options: TwilioLinkOptions;
  readonly #events: LinkEvents;
  readonly #clock: Clock;
  readonly #api: TwilioApi;
  readonly #rate: PartRate;
  #resolveEnded: (end: LinkEnd) => void = () => {};
  /** null: the first answer is outstanding. */
  #peer: string | null = null;
  #leaving: LinkEnd | null = null;
  #isOver = false;
  #inFlight = 0;
  #inDoubt = 0;
  /** Why each request that is out may be given up. */
  readonly #answerTimers = new Set<() => void>();
  #queue: Waiting[] = [];
  #queuedParts = 0;
  #restUntilMs = 0;
  #restBeganMs = Number.NEGATIVE_INFINITY;
  #rests = 0;
  #stopTimer: (() => void) | null = null;

  constructor(options: TwilioLinkOptions, events: LinkEvents) {
    const { settings, authToken, answerTimeoutMs = answerTimeoutDefaultMs } = options;
    this.#options = options;
    this.#events = events;
    this.#clock = options.clock ?? systemClock;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#rate = new PartRate(settings.parts_per_second / settings.links, this.#clock.steadyMs());
    this.#api = openTwilioApi({
      url: settings.url,
      accountSid: settings.account_sid,
      authToken,
      timeoutMs: answerTimeoutMs + lateAnswerMs,
      connections: settings.window,
    });
    events.onState({ kind: "connecting" });
    void this.#connect();
  }

  capacity(): number {
    if (!this.#isSubmitting() || this.#isResting()) return 0;
    const room = this.#options.settings.window - this.#inFlight - this.#queue.length;
    return Math.max(0, Math.min(room, this.#rate.available(this.#clock.steadyMs()) - this.#queuedParts));
  }

  submit(messages: readonly CarrierMessage[], onOutcome: OnOutcome): void {
    for (const message of messages) {
      if (this.#isSubmitting()) {
        const parts = Math.max(1, countParts(message.text));
        this.#queuedParts += parts;
        this.#queue.push({ message, parts, onOutcome });
      } else {
        onOutcome(message.key, { kind: "not_sent", reason: this.#leaving?.description ?? "the link is not open" });
      }
    }
    this.#pump();
  }

  async close(drainMs = drainDefaultMs): Promise<void> {
    const end: LinkEnd = { reason: "closed", description: "closed by us" };
    this.#leave(end);
    const callOff = this.#clock.after(drainMs, () => this.#finish(end));
    await this.ended;
    callOff();
  }

  #isSubmitting(): boolean {
    return this.#peer !== null && this.#leaving === null;
  }

  #isResting(): boolean {
    return this.#clock.steadyMs() < this.#restUntilMs;
  }

  /** The shortest list tells whether the account is ours, and who answers. */
  async #connect(): Promise<void> {
    const judgement = await this.#api.list({ pageSize: 1 }).then(
      (response): Judgement | string => {
        if (response.status !== 200) return judgeAnswer(response);
        return response.headers[simulatorHeader] === undefined ? "twilio" : simulatorSystemId;
      },
      (error: unknown) => judgeFailure(error),
    );
    if (typeof judgement === "string") {
      if (this.#leaving !== null) return;
      this.#peer = judgement;
      this.#events.onState({ kind: "bound", peer: judgement });
      this.#proceed();
      return;
    }
    this.#peer ??= "";
    const end = "end" in judgement ? judgement.end : null;
    this.#leave(end ?? { reason: "cut", description: "Twilio does not take requests now" });
    this.#leaveWhenDrained();
  }

  /** Sends what may go, in order. */
  #pump(): void {
    while (this.#queue.length > 0 && this.#isSubmitting() && !this.#isResting() && this.#inFlight < this.#options.settings.window) {
      const next = this.#queue[0] as Waiting;
      const waitMs = this.#rate.waitMs(next.parts, this.#clock.steadyMs());
      if (waitMs > 0) {
        this.#proceedIn(waitMs);
        return;
      }
      this.#queue.shift();
      this.#queuedParts -= next.parts;
      for (let part = 0; part < next.parts; part++) this.#rate.take(this.#clock.steadyMs());
      void this.#send(next);
    }
    // a full burst has gone out: capacity comes back without any answer
    if (
      this.#queue.length === 0 &&
      this.#isSubmitting() &&
      !this.#isResting() &&
      this.capacity() === 0 &&
      this.#inFlight < this.#options.settings.window
    ) {
      this.#proceedIn(this.#rate.waitForMs(1, this.#clock.steadyMs()));
    }
  }

  #proceedIn(ms: number): void {
    this.#stopTimer?.();
    this.#stopTimer = this.#clock.after(Math.max(ms, 1), () => this.#proceed());
  }

  #proceed(): void {
    this.#pump();
    if (this.capacity() > 0) this.#events.onCapacity();
  }

  async #send({ message, onOutcome }: Waiting): Promise<void> {
    const sentMs = this.#clock.steadyMs();
    const callOff = this.#giveUpIn(this.#options.answerTimeoutMs ?? answerTimeoutDefaultMs);
    this.#inFlight += 1;
    const judgement = await this.#api.create(this.#createOf(message)).then(judgeAnswer, judgeFailure);
    this.#inFlight -= 1;
    callOff();
    switch (judgement.kind) {
      case "outcome":
        this.#rests = 0;
        onOutcome(message.key, judgement.outcome);
        break;
      case "throttled": {
        const retryAfterMs = judgement.retryAfterMs ?? backoffMs(restBackoff, this.#rests + 1);
        onOutcome(message.key, { kind: "throttled", retryAfterMs });
        // of what was in flight together, one tells it all
        if (sentMs > this.#restBeganMs) this.#rest(retryAfterMs);
        break;
      }
      case "ends":
        onOutcome(message.key, { kind: "not_sent", reason: judgement.end.description });
        this.#leave(judgement.end);
        break;
      case "doubt":
        this.#inDoubt += 1;
        this.#leave(judgement.end);
        break;
    }
    if (this.#isOver) this.#closeWhenHeard();
    else if (this.#leaving === null) this.#proceed();
    else this.#leaveWhenDrained();
  }

  /** The link ends when the answer to a request does not come in time. @returns calls it off */
  #giveUpIn(ms: number): () => void {
    const callOff = this.#clock.after(ms, () =>
      this.#finish({ reason: "timed_out", description: `Twilio did not answer a request within ${ms / 1_000} s` }),
    );
    this.#answerTimers.add(callOff);
    return () => {
      callOff();
      this.#answerTimers.delete(callOff);
    };
  }

  #createOf({ phone, sender, text, reference, validUntilMs }: CarrierMessage): CreateMessage {
    const { settings, referenceKey } = this.#options;
    const leftS = Math.floor((validUntilMs - this.#clock.wallMs()) / 1_000);
    const { receipts_url, messaging_service_sid } = settings;
    return {
      to: `+${phone}`,
      body: text,
      from: messaging_service_sid === undefined ? senderOf(sender) : undefined,
      messagingServiceSid: messaging_service_sid,
      statusCallback:
        receipts_url === undefined || settings.receipts === "none"
          ? undefined
          : callbackUrl(receipts_url, signReference(referenceKey, reference)),
      validityPeriod: Math.min(validityPeriodS.max, Math.max(validityPeriodS.min, leftS)),
    };
  }

  #rest(forMs: number): void {
    if (this.#leaving !== null) return;
    this.#rests += 1;
    this.#restBeganMs = this.#clock.steadyMs();
    this.#restUntilMs = this.#restBeganMs + forMs;
    this.#giveUpQueue("Twilio throttles", forMs);
    this.#events.onState({ kind: "resting", forMs, reason: "Twilio throttles" });
    this.#stopTimer?.();
    this.#stopTimer = this.#clock.after(forMs, () => {
      if (this.#isSubmitting()) this.#events.onState({ kind: "bound", peer: this.#peer ?? "" });
      this.#proceed();
    });
  }

  /** What never reached the socket. `retryAfterMs`: the carrier is throttling. */
  #giveUpQueue(reason: string, retryAfterMs: number | null): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#queuedParts = 0;
    for (const { message, onOutcome } of queue) {
      onOutcome(message.key, retryAfterMs === null ? { kind: "not_sent", reason } : { kind: "throttled", retryAfterMs });
    }
  }

  /** Submits nothing more; what is in flight still gets its outcome. */
  #leave(end: LinkEnd): void {
    // a refusal is news also to whoever is closing, a cut that comes with it is not
    if (this.#leaving === null || (end.reason === "refused" && this.#leaving.reason === "cut")) this.#leaving = end;
    this.#stopTimer?.();
    this.#giveUpQueue(end.description, null);
    if (this.#inFlight === 0) this.#finish(this.#leaving);
  }

  #leaveWhenDrained(): void {
    if (this.#leaving !== null && this.#inFlight === 0) this.#finish(this.#leaving);
  }

  /**
   * Nothing is submitted any more. What is in flight has no outcome, unless its answer comes late.
   */
  #finish(end: LinkEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#leaving ??= end;
    this.#stopTimer?.();
    this.#giveUpQueue(end.description, null);
    for (const callOff of this.#answerTimers) callOff();
    const inDoubt = this.#inDoubt + this.#inFlight;
    // `closed` promises that nothing is in doubt
    const told: LinkEnd =
      end.reason === "closed" && inDoubt > 0
        ? { reason: "cut", description: `${end.description}, without an answer to ${inDoubt} of its messages` }
        : end;
    this.#closeWhenHeard();
    this.#resolveEnded(told);
    this.#events.onState({ kind: "over", reason: told.description });
  }

  /** The connections stay until the last late answer, or its time is over. */
  #closeWhenHeard(): void {
    if (this.#inFlight === 0) void this.#api.close();
  }
}

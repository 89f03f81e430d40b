// The messages of a link on their way: cut into parts, within the window and the rate, rested when
// the carrier throttles, each part judged by its answer, each message given its one outcome.
import type { SmppSettings } from "../../contracts/carriers.ts";
import { type Backoff, backoffMs } from "../../platform/time/backoff.ts";
import type { Clock } from "../../platform/time/clock.ts";
import { describeStatus, statuses } from "../../protocols/smpp/constants.ts";
import { normalizeMessageId } from "../../protocols/smpp/message_ids.ts";
import type { Pdu, ShortMessagePdu } from "../../protocols/smpp/pdus.ts";
import type { CarrierMessage, MessageOutcome } from "../link.ts";
import { PartRate } from "../part_rate.ts";
import { contentOf, type MessageContent, type PartContent, submitPdu } from "./parts.ts";
import { errorCodeOf, meaningOf } from "./statuses.ts";

/** After a throttled or postponed part the whole link rests; longer each time in a row. */
export const restBackoff: Backoff = { firstMs: 1_000, maxMs: 30_000 };
/** A part whose message has accepted parts is tried so often when the carrier says "later". */
const postponedMax = 10;

export type OnOutcome = (key: number, outcome: MessageOutcome) => void;

interface OutgoingMessage {
  readonly message: CarrierMessage;
  readonly content: MessageContent;
  readonly parts: readonly OutgoingPart[];
  /** Messages go out in it, and parts that go again before later ones. */
  readonly order: number;
  readonly onOutcome: OnOutcome;
  /** Why its waiting parts will never be sent. */
  givenUp: string | null;
}

export interface OutgoingPart {
  readonly owner: OutgoingMessage;
  readonly content: PartContent;
  state: "waiting" | "in_flight" | "accepted" | "rejected";
  /** Of an accepted one; empty if the carrier gave none. */
  id: string;
  errorCode: string;
  postponed: number;
}

export interface SubmitQueueOptions {
  settings: SmppSettings;
  clock: Clock;
  /** First reference that joins the parts of a text. */
  firstReference: number;
  /** Hands a part to the socket. @throws RangeError for what SMPP cannot carry */
  write(pdu: ShortMessagePdu, part: OutgoingPart): void;
  /** Whether parts may go out now; asked before each message. */
  isReady(): boolean;
  /** The carrier throttles: nothing goes out for so long. */
  onRest(forMs: number, reason: string): void;
  onRestEnd(): void;
  /** The rate allows more. */
  onRate(): void;
  /** No answer to a part within the time-out. */
  onTimeout(): void;
  /** The carrier's answer ends the link. `isInVain`: and a new one would end the same way. */
  onFatal(description: string, isInVain: boolean): void;
}

export class SubmitQueue {
  readonly #options: SubmitQueueOptions;
  readonly #rate: PartRate;
  /** Messages without an outcome. */
  readonly #open = new Set<OutgoingMessage>();
  /** Those of them that have parts to send, in their order. */
  #queue: OutgoingMessage[] = [];
  #queuedParts = 0;
  /** When each part went out; the oldest first. */
  readonly #inFlight = new Map<OutgoingPart, number>();
  #order = 0;
  #reference: number;
  #isResting = false;
  /** In a row, without an accepted part between them. */
  #rests = 0;
  #stopAnswerTimer: (() => void) | null = null;
  #stopRateTimer: (() => void) | null = null;
  #stopRestTimer: (() => void) | null = null;
  #isEnded = false;

  constructor(options: SubmitQueueOptions) {
    this.#options = options;
    const { parts_per_second, links } = options.settings;
    this.#rate = new PartRate(parts_per_second / links, options.clock.steadyMs());
    this.#reference = options.firstReference;
  }

  /** Messages that may be added now. */
  capacity(): number {
    if (this.#isEnded || this.#isResting) return 0;
    const room = this.#room();
    return room <= 0 ? 0 : Math.max(0, Math.min(room, this.#rate.available(this.#nowMs()) - this.#queuedParts));
  }

  openCount(): number {
    return this.#open.size;
  }

  inFlightCount(): number {
    return this.#inFlight.size;
  }

  add(message: CarrierMessage, onOutcome: OnOutcome): void {
    const content = contentOf(message.text, this.#options.settings, this.#reference);
    if (content.parts.length > 1) this.#reference = (this.#reference + 1) & 0xffff;
    const parts: OutgoingPart[] = [];
    const owner: OutgoingMessage = { message, content, parts, order: this.#order++, onOutcome, givenUp: null };
    for (const part of content.parts) parts.push({ owner, content: part, state: "waiting", id: "", errorCode: "", postponed: 0 });
    this.#open.add(owner);
    this.#queue.push(owner);
    this.#queuedParts += parts.length;
  }

  /** Sends what window, rate and rests allow. */
  pump(): void {
    const { clock, isReady } = this.#options;
    while (this.#queue.length > 0 && !this.#isEnded && isReady() && !this.#isResting) {
      const next = this.#queue[0] as OutgoingMessage;
      const waiting = next.parts.filter(({ state }) => state === "waiting");
      if (next.message.validUntilMs <= clock.wallMs()) {
        this.#giveUp(next, "valid_until has passed");
        continue;
      }
      const free = this.#options.settings.window - this.#inFlight.size;
      // together where the window allows, so that a cut seldom finds half a message sent
      if (free < Math.min(waiting.length, this.#options.settings.window)) return;
      const waitMs = this.#rate.waitMs(waiting.length, clock.steadyMs());
      if (waitMs > 0) {
        this.#wakeByRate(waitMs);
        return;
      }
      this.#send(next, waiting.slice(0, free));
    }
    if (this.#queue.length === 0) this.#announceRate();
  }

  onAnswer(part: OutgoingPart, pdu: Pdu): void {
    if (!this.#inFlight.delete(part)) return;
    if (pdu.command !== "submit_sm_resp" && !isRefusal(pdu)) {
      // whether it was accepted is unknown: it stays without an outcome
      this.#options.onFatal(`the carrier answered submit_sm with ${pdu.command}, status ${describeStatus(pdu.status)}`, false);
      return;
    }
    const { status } = pdu;
    switch (pdu.command === "submit_sm_resp" ? meaningOf(status, this.#options.settings.statuses) : "rejected") {
      case "accepted":
        part.state = "accepted";
        part.id = pdu.command === "submit_sm_resp" ? normalizeMessageId(pdu.messageId, this.#options.settings.answer_ids) : "";
        this.#rests = 0;
        break;
      case "rejected":
        this.#reject(part, errorCodeOf(status));
        break;
      case "throttled":
        this.#sendAgain(part);
        this.#rest(`the carrier throttles: ${describeStatus(status)}`);
        break;
      case "try_later":
        this.#postpone(part, status);
        this.#rest(`the carrier takes nothing at the moment: ${describeStatus(status)}`);
        break;
      case "rebind":
        this.#sendAgain(part);
        this.#options.onFatal(`the carrier does not see this session as bound: ${describeStatus(status)}`, false);
        break;
      case "stop":
        this.#sendAgain(part);
        this.#options.onFatal(`the carrier refuses to take messages of this account: ${describeStatus(status)}`, true);
        break;
    }
    this.#settle(part.owner);
  }

  /** Messages of which nothing was sent get their outcome; half-sent ones go on. */
  stopNew(reason: string): void {
    for (const message of [...this.#open]) {
      if (message.parts.every(({ state }) => state === "waiting")) this.#giveUp(message, reason);
    }
  }

  /**
   * Nothing more goes out. Messages with parts in flight keep waiting for their answers, which may
   * still come.
   * @param unsent parts in flight that never left this process
   */
  end(reason: string, unsent: readonly OutgoingPart[] = []): void {
    for (const part of unsent) {
      if (this.#inFlight.delete(part)) part.state = "waiting";
    }
    this.#isEnded = true;
    for (const stop of [this.#stopAnswerTimer, this.#stopRateTimer, this.#stopRestTimer]) stop?.();
    for (const message of [...this.#open]) this.#giveUp(message, reason);
  }

  #nowMs(): number {
    return this.#options.clock.steadyMs();
  }

  /** By the window, which counts parts that are or will be in flight. */
  #room(): number {
    const { window } = this.#options.settings;
    return window - Math.max(this.#open.size, this.#inFlight.size + this.#queuedParts);
  }

  #send(message: OutgoingMessage, parts: readonly OutgoingPart[]): void {
    const { settings, clock, write } = this.#options;
    for (const part of parts) {
      const pdu = submitPdu(message.message, message.content, part.content, settings, clock.wallMs());
      this.#queuedParts--;
      try {
        write(pdu, part);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        part.state = "rejected";
        part.errorCode = "not_encodable";
        break;
      }
      const nowMs = clock.steadyMs();
      part.state = "in_flight";
      this.#rate.take(nowMs);
      this.#inFlight.set(part, nowMs);
    }
    if (message.parts.every(({ state }) => state !== "waiting")) this.#queue.shift();
    this.#settle(message);
    if (this.#stopAnswerTimer === null && this.#inFlight.size > 0) this.#watchAnswers();
  }

  /** Gives the message its outcome, once nothing of it is under way. */
  #settle(message: OutgoingMessage): void {
    const { parts } = message;
    if (!this.#open.has(message) || parts.some(({ state }) => state === "in_flight")) return;
    const rejected = parts.find(({ state }) => state === "rejected");
    const isWaiting = parts.some(({ state }) => state === "waiting");
    if (isWaiting && rejected === undefined && message.givenUp === null && !this.#isEnded) return;
    const accepted = parts.filter(({ state }) => state === "accepted");
    this.#forget(message);
    const ids = accepted.map(({ id }) => id).filter((id) => id !== "");
    message.onOutcome(message.message.key, this.#outcomeOf(message, rejected?.errorCode, ids, accepted.length));
  }

  #outcomeOf(message: OutgoingMessage, errorCode: string | undefined, ids: string[], accepted: number): MessageOutcome {
    if (accepted === message.parts.length) return { kind: "accepted", ids };
    if (accepted > 0) return { kind: "parts_rejected", ids, errorCode: errorCode ?? "parts_not_sent" };
    if (errorCode !== undefined) return { kind: "rejected", errorCode };
    return { kind: "not_sent", reason: message.givenUp ?? "the link is over" };
  }

  #forget(message: OutgoingMessage): void {
    this.#open.delete(message);
    const at = this.#queue.indexOf(message);
    if (at === -1) return;
    this.#queue.splice(at, 1);
    this.#queuedParts -= message.parts.filter(({ state }) => state === "waiting").length;
  }

  #giveUp(message: OutgoingMessage, reason: string): void {
    message.givenUp ??= reason;
    const at = this.#queue.indexOf(message);
    if (at !== -1) {
      this.#queue.splice(at, 1);
      this.#queuedParts -= message.parts.filter(({ state }) => state === "waiting").length;
    }
    this.#settle(message);
  }

  /** The part goes again under the same reference, before all that came later. */
  #sendAgain(part: OutgoingPart): void {
    part.state = "waiting";
    if (part.owner.givenUp !== null || this.#isEnded) return;
    this.#queuedParts++;
    if (this.#queue.includes(part.owner)) return;
    const at = this.#queue.findIndex(({ order }) => order > part.owner.order);
    this.#queue.splice(at === -1 ? this.#queue.length : at, 0, part.owner);
  }

  /** The rest of its message stays unsent. */
  #reject(part: OutgoingPart, errorCode: string): void {
    part.state = "rejected";
    part.errorCode = errorCode;
    if (part.owner.parts.some(({ state }) => state === "waiting")) this.#giveUp(part.owner, "a part was refused");
  }

  /**
   * A message of which nothing was accepted goes back to its owner; half of one is not left behind.
   */
  #postpone(part: OutgoingPart, status: number): void {
    this.#sendAgain(part);
    const isHalfSent = part.owner.parts.some(({ state }) => state === "accepted" || state === "in_flight");
    if (!isHalfSent) this.#giveUp(part.owner, `the carrier asks to try again later: ${describeStatus(status)}`);
    else if (++part.postponed > postponedMax) {
      this.#queuedParts--;
      this.#reject(part, errorCodeOf(status));
    }
  }

  #rest(reason: string): void {
    if (this.#isResting || this.#isEnded) return;
    this.#rests++;
    const forMs = backoffMs(restBackoff, this.#rests);
    this.#isResting = true;
    this.#stopRestTimer = this.#options.clock.after(forMs, () => {
      this.#isResting = false;
      this.#options.onRestEnd();
    });
    this.#options.onRest(forMs, reason);
  }

  #watchAnswers(): void {
    const oldest = this.#inFlight.values().next().value;
    if (oldest === undefined) {
      this.#stopAnswerTimer = null;
      return;
    }
    const leftMs = oldest + this.#options.settings.answer_timeout_s * 1_000 - this.#nowMs();
    if (leftMs <= 0) {
      this.#options.onTimeout();
      return;
    }
    this.#stopAnswerTimer = this.#options.clock.after(leftMs, () => this.#watchAnswers());
  }

  #wakeByRate(waitMs: number): void {
    this.#stopRateTimer?.();
    this.#stopRateTimer = this.#options.clock.after(Math.max(1, Math.ceil(waitMs)), () => this.#options.onRate());
  }

  /** When only the rate leaves no capacity, its owner hears of it once a burst may go out. */
  #announceRate(): void {
    const room = this.#room();
    if (this.#isEnded || this.#isResting || room <= 0 || this.capacity() > 0) return;
    this.#wakeByRate(this.#rate.waitForMs(Math.min(room, this.#rate.burst), this.#nowMs()));
  }
}

/** generic_nack for a command or length that it could not read: certainly not accepted. */
function isRefusal(pdu: Pdu): boolean {
  return pdu.command === "generic_nack" && (pdu.status === statuses.RINVCMDID || pdu.status === statuses.RINVCMDLEN);
}

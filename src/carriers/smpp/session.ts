// One bind: connects, binds, keeps itself alive and takes its leave. What is submitted through it
// and what is delivered is its owner's: smpp_link.ts.
import type { SmppSettings } from "../../contracts/carriers.ts";
import type { Clock } from "../../platform/time/clock.ts";
import { openSmppConnection, type SmppConnection } from "../../protocols/smpp/connection.ts";
import { interfaceVersion } from "../../protocols/smpp/constants.ts";
import type { BindPdu, Pdu, ShortMessagePdu } from "../../protocols/smpp/pdus.ts";
import type { LinkEnd } from "../link.ts";
import type { DeliveryPdu } from "./deliveries.ts";
import { type OpeningSocket, openSocket } from "./socket.ts";
import { bindRefusal } from "./statuses.ts";

/** From the first packet to the answer to the bind. */
const bindTimeoutMs = 30_000;
/** For the answer to enquire_link. */
const probeTimeoutMs = 10_000;
/** For the answer to unbind, and again for the end of the connection. */
const leaveTimeoutMs = 5_000;
/** These requests have no response in SMPP: outbind, alert_notification. */
const unanswered = new Set([0x0b, 0x102]);

export type BindMode = "transceiver" | "transmitter" | "receiver";

/** What a request of ours was for. */
type Purpose<Part> = { kind: "bind" | "unbind" } | { kind: "probe"; onAlive: () => void } | { kind: "part"; part: Part };

export interface SessionEvents<Part> {
  /** @param peer its system_id */
  onBound(peer: string): void;
  onAnswer(part: Part, pdu: Pdu): void;
  /** To be answered with `respond`. */
  onDelivery(pdu: DeliveryPdu): void;
  /** All that came together is handled. */
  onHeard(): void;
  /** The carrier wants to end the session: nothing more may be submitted. */
  onUnbind(): void;
  /** An answer to no request of ours. */
  onStray(pdu: Pdu): void;
  /** @param unsent parts that never left this process; nothing more comes from the session */
  onEnd(end: LinkEnd, unsent: Part[]): void;
}

export interface Session<Part> {
  isBound(): boolean;
  /** ms since something came. */
  quietMs(): number;
  /** @throws RangeError for a field that SMPP cannot carry; nothing is then sent */
  submit(pdu: ShortMessagePdu, part: Part): void;
  respond(to: DeliveryPdu, status: number): void;
  /** Asks whether anybody is there; ends the session after 10 s without an answer. */
  probe(onAlive: () => void): void;
  /** Unbinds, and ends within 10 s; answers that still come are passed on. */
  leave(end: LinkEnd): void;
  /** At once. */
  cut(end: LinkEnd): void;
}

export interface SessionOptions {
  settings: SmppSettings;
  password: string;
  mode: BindMode;
  clock: Clock;
}

export function openSession<Part>(options: SessionOptions, events: SessionEvents<Part>): Session<Part> {
  return new SmppSession(options, events);
}

class SmppSession<Part> implements Session<Part> {
  readonly #options: SessionOptions;
  readonly #events: SessionEvents<Part>;
  readonly #opening: OpeningSocket;
  #phase: "opening" | "bound" | "leaving" | "over" = "opening";
  #connection: SmppConnection<Purpose<Part>> | null = null;
  #heardMs: number;
  /** Why it ends, once it is known. */
  #end: LinkEnd | null = null;
  #stopTimer: () => void;

  constructor(options: SessionOptions, events: SessionEvents<Part>) {
    this.#options = options;
    this.#events = events;
    this.#heardMs = options.clock.steadyMs();
    this.#stopTimer = options.clock.after(bindTimeoutMs, () =>
      this.cut({ reason: "timed_out", description: `${this.#address} did not answer the bind within ${bindTimeoutMs / 1_000} s` }),
    );
    const opening = openSocket(options.settings);
    this.#opening = opening;
    opening.socket.once("error", (error) => {
      if (this.#connection !== null) return;
      this.cut({ reason: opening.isUntrusted() ? "refused" : "cut", description: opening.describe(error) });
    });
    opening.socket.once(
      "close",
      () => this.#connection ?? this.cut({ reason: "cut", description: `${this.#address} closed the connection` }),
    );
    opening.onReady(() => this.#bind());
  }

  isBound(): boolean {
    return this.#phase === "bound";
  }

  quietMs(): number {
    return this.#options.clock.steadyMs() - this.#heardMs;
  }

  submit(pdu: ShortMessagePdu, part: Part): void {
    this.#connection?.request(pdu, { kind: "part", part });
  }

  respond(to: DeliveryPdu, status: number): void {
    this.#connection?.respond(to, status);
  }

  probe(onAlive: () => void): void {
    this.#stopTimer();
    this.#connection?.request({ command: "enquire_link", status: 0, sequence: 0 }, { kind: "probe", onAlive });
    const askedMs = this.#options.clock.steadyMs();
    this.#stopTimer = this.#options.clock.after(probeTimeoutMs, () => {
      // an answer to something else came instead: whoever answers is alive
      if (this.#heardMs > askedMs) {
        onAlive();
        this.#watch();
        return;
      }
      this.cut({ reason: "timed_out", description: `${this.#address} did not answer enquire_link within ${probeTimeoutMs / 1_000} s` });
    });
  }

  leave(end: LinkEnd): void {
    if (this.#phase !== "bound") {
      if (this.#phase === "opening") this.cut(end);
      return;
    }
    this.#phase = "leaving";
    this.#end = end;
    this.#connection?.request({ command: "unbind", status: 0, sequence: 0 }, { kind: "unbind" });
    this.#stopTimer();
    this.#stopTimer = this.#options.clock.after(leaveTimeoutMs, () => this.#hangUp());
  }

  cut(end: LinkEnd): void {
    if (this.#phase === "over") return;
    // dead before anybody is told: what they do next must not go into it
    this.#phase = "over";
    this.#stopTimer();
    const connection = this.#connection;
    connection?.destroy(end.description);
    this.#opening.socket.destroy();
    const open = connection?.openRequests() ?? [];
    const unsent = open.flatMap(({ request, isSent }) => (request.kind === "part" && !isSent ? [request.part] : []));
    this.#events.onEnd(this.#end ?? end, unsent);
  }

  get #address(): string {
    return `${this.#options.settings.host}:${this.#options.settings.port}`;
  }

  #bind(): void {
    const { settings, password, mode } = this.#options;
    this.#connection = openSmppConnection<Purpose<Part>>(this.#opening.socket, {
      onRequest: (pdu) => this.#onRequest(pdu),
      onResponse: (purpose, pdu) => this.#onResponse(purpose, pdu),
      onStray: (pdu) => this.#onStray(pdu),
      onHeard: () => {
        this.#heardMs = this.#options.clock.steadyMs();
        this.#events.onHeard();
      },
      onClose: (reason) => this.cut({ reason: "cut", description: `connection to ${this.#address} lost: ${reason}` }),
    });
    const bind: BindPdu = {
      command: `bind_${mode}`,
      status: 0,
      sequence: 0,
      systemId: settings.system_id,
      password,
      systemType: settings.system_type,
      interfaceVersion,
      addressTon: 0,
      addressNpi: 0,
      addressRange: "",
    };
    try {
      this.#connection.request(bind, { kind: "bind" });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.cut({ reason: "refused", description: `no bind is possible with these settings: ${error.message}` });
    }
  }

  #onResponse(purpose: Purpose<Part>, pdu: Pdu): void {
    switch (purpose.kind) {
      case "bind":
        this.#onBindAnswer(pdu);
        break;
      case "probe":
        if (this.#phase !== "bound") break;
        this.#heardMs = this.#options.clock.steadyMs();
        this.#watch();
        purpose.onAlive();
        break;
      case "unbind":
        this.#hangUp();
        break;
      case "part":
        this.#events.onAnswer(purpose.part, pdu);
        break;
    }
  }

  #onBindAnswer(pdu: Pdu): void {
    if (this.#phase !== "opening") return;
    if (pdu.status !== 0) {
      const { isPassing, description } = bindRefusal(pdu.status);
      this.cut({ reason: isPassing ? "cut" : "refused", description });
      return;
    }
    if (pdu.command !== `bind_${this.#options.mode}_resp`) {
      this.cut({ reason: "cut", description: `${this.#address} answered the bind with ${pdu.command}` });
      return;
    }
    this.#phase = "bound";
    this.#heardMs = this.#options.clock.steadyMs();
    this.#watch();
    this.#events.onBound("systemId" in pdu ? pdu.systemId : "");
  }

  #onRequest(pdu: Pdu): void {
    switch (pdu.command) {
      case "deliver_sm":
      case "data_sm":
        this.#events.onDelivery(pdu);
        break;
      case "unbind":
        this.#connection?.respond(pdu);
        this.#onUnbind();
        break;
      case "other":
        if (!unanswered.has(pdu.commandId)) this.#connection?.respond(pdu);
        break;
      default:
        // enquire_link; a carrier that binds or submits to us gets generic_nack or a refusal
        this.#connection?.respond(pdu, pdu.command === "enquire_link" ? 0 : 0x03);
    }
  }

  #onUnbind(): void {
    if (this.#phase === "opening") {
      this.cut({ reason: "cut", description: `${this.#address} unbound before it answered the bind` });
      return;
    }
    this.#end ??= { reason: "closed", description: "the carrier unbound" };
    const isFirst = this.#phase === "bound";
    this.#phase = "leaving";
    if (isFirst) this.#events.onUnbind();
    this.#hangUp();
  }

  /** Ends our half; what the carrier still sends is read until it ends its own. */
  #hangUp(): void {
    if (this.#phase === "over") return;
    this.#phase = "leaving";
    this.#connection?.end();
    this.#stopTimer();
    this.#stopTimer = this.#options.clock.after(leaveTimeoutMs, () =>
      this.cut({ reason: "closed", description: `${this.#address} left the connection open` }),
    );
  }

  #onStray(pdu: Pdu): void {
    // a generic_nack that names no request: it could not read our stream
    if (pdu.command === "generic_nack" && pdu.sequence === 0) {
      this.cut({ reason: "cut", description: `${this.#address} could not read what we sent (generic_nack)` });
      return;
    }
    this.#events.onStray(pdu);
  }

  /** Probes after each time without a sign of life. */
  #watch(): void {
    this.#stopTimer();
    const idleMs = this.#options.settings.enquire_link_s * 1_000;
    this.#stopTimer = this.#options.clock.after(Math.max(1, idleMs - this.quietMs()), () => {
      if (this.quietMs() >= idleMs) this.probe(() => {});
      else this.#watch();
    });
  }
}

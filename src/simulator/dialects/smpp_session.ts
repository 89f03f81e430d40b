// One connection of a client to the simulator's SMPP listener: binds, takes messages, brings
// receipts, is kept alive, takes its leave. What it shares with the others is in smpp.ts.
import type { Socket } from "node:net";
import { rowOfTheirId, simulatorSystemId, theirIdOf } from "../../contracts/simulator_accounts.ts";
import { openSmppConnection, type SmppConnection } from "../../protocols/smpp/connection.ts";
import { interfaceVersion, statuses, tags } from "../../protocols/smpp/constants.ts";
import { messageStates } from "../../protocols/smpp/message_states.ts";
import type { BindPdu, Pdu, QuerySmPdu, ShortMessagePdu } from "../../protocols/smpp/pdus.ts";
import { absoluteTime } from "../../protocols/smpp/times.ts";
import type { AccountVerdict } from "../account_network.ts";
import { stateOf } from "./smpp_receipt.ts";
import type { ReceiptInFlight, SmppBind, SmppShared } from "./smpp_shared.ts";
import { readSubmitSm } from "./smpp_submit.ts";

/** A connection that does not bind is closed after this. */
const bindWithinMs = 30_000;
/** A wrong password is answered after this, so that guessing is slow. */
const wrongPasswordMs = 500;
const versions = new Set([0x33, 0x34, 0x50]);
/** enquire_link without an answer, in a row, after which the connection is closed. */
const missesMax = 2;

type Purpose = { kind: "receipt"; receipt: ReceiptInFlight } | { kind: "alive" } | { kind: "unbind" };

export class SmppSession implements SmppBind {
  readonly #shared: SmppShared;
  readonly #connection: SmppConnection<Purpose>;
  #account = "";
  #isTransmitter = false;
  #isReceiver = false;
  #isLeaving = false;
  #inFlight = 0;
  #misses = 0;
  #receipts = 0;
  #timer: NodeJS.Timeout;
  #onDrained: (() => void) | null = null;

  constructor(socket: Socket, shared: SmppShared) {
    this.#shared = shared;
    this.#connection = openSmppConnection<Purpose>(socket, {
      onRequest: (pdu) => this.#onRequest(pdu),
      onResponse: (purpose, pdu) => this.#onResponse(purpose, pdu),
      onHeard: () => {
        this.#misses = 0;
      },
      onClose: () => this.#onClose(),
    });
    this.#timer = setTimeout(() => this.#connection.destroy("no bind"), bindWithinMs);
  }

  /** Of a bound one. */
  account(): string {
    return this.#account;
  }

  unansweredCount(): number {
    return this.#receipts;
  }

  unansweredReceipts(): ReceiptInFlight[] {
    return this.#connection.openRequests().flatMap(({ request }) => (request.kind === "receipt" ? [request.receipt] : []));
  }

  deliver(pdu: ShortMessagePdu, receipt: ReceiptInFlight): void {
    this.#receipts += 1;
    this.#connection.request(pdu, { kind: "receipt", receipt });
  }

  /** Answers what is in hand, then unbinds. Resolves when the connection is over. */
  async leave(limitMs: number): Promise<void> {
    const over = new Promise<void>((resolve) => {
      this.#onDrained = resolve;
    });
    this.#isLeaving = true;
    const timer = setTimeout(() => this.#connection.destroy("the simulator ends"), limitMs);
    this.#unbindWhenDrained();
    await over;
    clearTimeout(timer);
  }

  #onRequest(pdu: Pdu): void {
    switch (pdu.command) {
      case "bind_receiver":
      case "bind_transmitter":
      case "bind_transceiver":
        this.#bind(pdu);
        break;
      case "submit_sm":
        this.#submit(pdu);
        break;
      case "query_sm":
        void this.#query(pdu).catch(this.#shared.onFatal);
        break;
      case "unbind":
        this.#connection.respond(pdu);
        this.#connection.end();
        break;
      case "enquire_link":
        this.#connection.respond(pdu);
        break;
      default:
        this.#connection.write({ command: "generic_nack", status: statuses.RINVCMDID, sequence: pdu.sequence });
    }
  }

  #bind(pdu: BindPdu): void {
    const { passwords, peaks, bindsMax } = this.#shared;
    const name = `smpp:${pdu.systemId}`;
    const status =
      this.#account !== ""
        ? statuses.RALYBND
        : !passwords.has(pdu.systemId)
          ? statuses.RINVSYSID
          : passwords.get(pdu.systemId) !== pdu.password
            ? statuses.RINVPASWD
            : !versions.has(pdu.interfaceVersion) || this.#isLeaving || peaks.binds(name) >= bindsMax
              ? statuses.RBINDFAIL
              : statuses.ROK;
    if (status !== statuses.ROK) {
      const isGuess = status === statuses.RINVSYSID || status === statuses.RINVPASWD;
      setTimeout(() => this.#connection.respond(pdu, status), isGuess ? wrongPasswordMs : 0);
      return;
    }
    this.#account = name;
    this.#isTransmitter = pdu.command !== "bind_receiver";
    this.#isReceiver = pdu.command !== "bind_transmitter";
    peaks.bind(name);
    this.#connection.write({
      command: `${pdu.command}_resp`,
      status,
      sequence: pdu.sequence,
      systemId: simulatorSystemId,
      // clients of earlier versions know no optional parameters
      tlvs: pdu.interfaceVersion < interfaceVersion ? null : new Map([[tags.sc_interface_version, Buffer.of(interfaceVersion)]]),
    });
    clearTimeout(this.#timer);
    this.#timer = setInterval(() => this.#keepAlive(), this.#shared.enquireLinkMs);
    if (this.#isReceiver) this.#shared.receipts.addSession(this);
  }

  #keepAlive(): void {
    if (this.#misses >= missesMax) {
      this.#connection.destroy("enquire_link was not answered");
      return;
    }
    this.#misses += 1;
    this.#connection.request({ command: "enquire_link", status: 0, sequence: 0 }, { kind: "alive" });
  }

  #submit(pdu: ShortMessagePdu): void {
    const { network, peaks, alphabet } = this.#shared;
    if (!this.#isTransmitter) {
      this.#connection.respond(pdu, statuses.RINVBNDSTS);
      return;
    }
    const end = peaks.begin(this.#account, 1);
    this.#inFlight += 1;
    const finish = (): void => {
      end();
      this.#inFlight -= 1;
      this.#unbindWhenDrained();
    };
    const refusal = this.#refusalForRate();
    const read = refusal === null ? readSubmitSm(pdu, alphabet, network.nowMs()) : { status: refusal };
    if ("status" in read) {
      this.#connection.respond(pdu, read.status);
      finish();
      return;
    }
    network
      .submit(this.#account, read.submit)
      .then(
        (verdict) => this.#answer(pdu, verdict, read.submit.details.smpp?.registeredDelivery !== 0),
        () => this.#connection.respond(pdu, statuses.RSYSERR),
      )
      .finally(finish);
  }

  /** null: it may go on. */
  #refusalForRate(): number | null {
    const { window, network, bucketOf } = this.#shared;
    if (this.#isLeaving) return statuses.RSYSERR;
    if (this.#inFlight > window) return statuses.RMSGQFUL;
    return bucketOf(this.#account).take(1) > 0 || network.isThrottled(this.#account) ? statuses.RTHROTTLED : null;
  }

  #answer(to: ShortMessagePdu, { account, rowNo, rejectedCode, answer }: AccountVerdict, isReported: boolean): void {
    const { network, receipts } = this.#shared;
    if (answer === "cut") {
      this.#connection.destroy("cut by the weather");
      return;
    }
    if (answer === "none") return;
    if (rejectedCode !== null) {
      this.#connection.respond(to, rejectedCode === "sender_not_registered" ? statuses.RINVSRCADR : statuses.RINVDSTADR);
      return;
    }
    if (isReported && this.#isReceiver && this.#connection.isOpen()) receipts.setHome(account.name, rowNo, this);
    const id = theirIdOf(account, rowNo);
    const messageId = network.weather.of(account.name).hex_ids === true ? BigInt(id).toString(16) : id;
    this.#connection.write({ command: "submit_sm_resp", status: statuses.ROK, sequence: to.sequence, messageId, tlvs: null });
  }

  async #query(pdu: QuerySmPdu): Promise<void> {
    const { network } = this.#shared;
    const account = network.find(this.#account);
    const rowNo = account === undefined ? null : rowOfTheirId(account, pdu.messageId);
    const message = account === undefined || rowNo === null ? null : await network.message(account, rowNo);
    this.#connection.write({
      command: "query_sm_resp",
      status: message === null ? statuses.RQUERYFAIL : statuses.ROK,
      sequence: pdu.sequence,
      messageId: pdu.messageId,
      finalDate: message?.endedAtMs == null ? "" : absoluteTime(message.endedAtMs),
      messageState: message === null ? messageStates.unknown : messageStates[stateOf(message)],
      errorCode: 0,
    });
  }

  #onResponse(purpose: Purpose, pdu: Pdu): void {
    if (purpose.kind === "receipt") {
      this.#receipts -= 1;
      this.#shared.receipts.onAnswer(this, purpose.receipt, pdu.status);
    } else if (purpose.kind === "unbind") {
      this.#connection.end();
    }
  }

  #unbindWhenDrained(): void {
    if (!this.#isLeaving || this.#inFlight > 0) return;
    if (!this.#connection.isOpen()) this.#onDrained?.();
    else if (this.#account === "") this.#connection.destroy("the simulator ends");
    else this.#connection.request({ command: "unbind", status: 0, sequence: 0 }, { kind: "unbind" });
  }

  #onClose(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#timer);
    if (this.#account !== "") this.#shared.peaks.unbind(this.#account);
    if (this.#isReceiver) this.#shared.receipts.removeSession(this);
    this.#shared.onSessionEnd(this);
    this.#onDrained?.();
  }
}

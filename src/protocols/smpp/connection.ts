// One SMPP connection, of either end: frames in, PDUs out once per turn of the event loop, and the
// answers to what was asked. Knows no messages and no clock: sessions are made of it.
import type { Socket } from "node:net";
import { commandIds, isResponse, sequenceMax, statuses } from "./constants.ts";
import { createFrameReader, SmppFramingError } from "./frame_reader.ts";
import { OctetWriter, SmppPduError } from "./octets.ts";
import { encodePdu, type Pdu, readHead, readPdu, writePdu } from "./pdus.ts";

/** Above so many unwritten octets nothing more is read: the peer does not take our answers. */
const unwrittenMax = 1 << 18;

export interface SmppConnectionEvents<Request> {
  /** A request of the peer. Those that cannot be read have been answered, and do not come. */
  onRequest(pdu: Pdu): void;
  /** The answer to a request of ours; also generic_nack. */
  onResponse(request: Request, pdu: Pdu): void;
  /** An answer to nothing: its sequence number is unknown, or was answered. */
  onStray?(pdu: Pdu): void;
  /** Something was received, and its PDUs are handled. */
  onHeard?(): void;
  /**
   * The connection is over. `isOpen()` is false before any request is told.
   * @param reason for people, without a full stop
   */
  onClose(reason: string): void;
}

/** A request of ours that has no answer. */
export interface OpenRequest<Request> {
  request: Request;
  /** False: its octets never left this process, so the peer does not have it. */
  isSent: boolean;
}

export interface SmppConnection<Request> {
  isOpen(): boolean;
  /**
   * Writes a request under the next sequence number, which replaces that of the PDU.
   * @throws RangeError for a field that SMPP cannot carry; nothing is then sent
   */
  request(pdu: Pdu, request: Request): void;
  /** Writes a response, or a request whose answer is of no interest. */
  write(pdu: Pdu): void;
  /** A response with neither body nor parameters, or with an empty message_id. */
  respond(to: Pdu, status?: number): void;
  /** Requests without an answer, in their order; after onClose those that will never have one. */
  openRequests(): OpenRequest<Request>[];
  openCount(): number;
  /** Writes what is there, and ends our half: the peer reads everything. */
  end(): void;
  /** Cuts the connection; `onClose` is called before this returns. */
  destroy(reason: string): void;
}

interface Entry<Request> {
  request: Request;
  /** Where its PDU begins in the stream that we write. */
  position: number;
}

/**
 * @param socket connected, and owned by the connection from now on
 * @param lastSequence sequence numbers go on from it
 */
export function openSmppConnection<Request>(
  socket: Socket,
  events: SmppConnectionEvents<Request>,
  lastSequence = 0,
): SmppConnection<Request> {
  const open = new Map<number, Entry<Request>>();
  const output = createOutput(socket);
  const reader = createFrameReader();
  let sequence = lastSequence;
  let isOpen = true;

  const close = (reason: string, isNacked = false): void => {
    if (!isOpen) return;
    isOpen = false;
    output.stop();
    if (isNacked) socket.write(encodePdu({ command: "generic_nack", status: statuses.RINVCMDLEN, sequence: 0 }));
    if (isNacked) socket.destroySoon();
    else socket.destroy();
    events.onClose(reason);
  };
  const send = (pdu: Pdu): void => {
    if (isOpen) output.write(pdu);
  };
  const respond = (to: Pdu, status: number = statuses.ROK): void => send(responseTo(to, status));

  function take(bytes: Buffer, start: number, end: number): void {
    if (!isOpen) return;
    let pdu: Pdu;
    try {
      pdu = readPdu(bytes, start, end);
    } catch (error) {
      if (!(error instanceof SmppPduError)) throw error;
      const { commandId, sequence } = readHead(bytes, start);
      if (isResponse(commandId)) close(`the peer's answer makes no sense: ${error.message}`);
      else send(refusalOf(commandId, error.status, sequence));
      return;
    }
    if (!isResponse(commandIdOf(pdu))) {
      events.onRequest(pdu);
      return;
    }
    const entry = open.get(pdu.sequence);
    if (entry === undefined) {
      events.onStray?.(pdu);
      return;
    }
    open.delete(pdu.sequence);
    events.onResponse(entry.request, pdu);
  }

  socket.setNoDelay(true);
  socket.on("data", (chunk: Buffer) => {
    try {
      reader.push(chunk, take);
    } catch (error) {
      if (!(error instanceof SmppFramingError)) throw error;
      // where the peer's next PDU begins is unknown: it is told so, and that is the end
      close(error.message, true);
    }
    if (isOpen) events.onHeard?.();
  });
  socket.on("end", () => close("the peer closed the connection"));
  socket.on("error", (error) => close(error.message));
  socket.on("close", () => close("the connection is closed"));

  return {
    isOpen: () => isOpen,
    request(pdu, request) {
      if (!isOpen) throw new Error("the connection is closed");
      const next = nextFree(sequence, open);
      const position = output.position();
      output.write(pdu, next);
      sequence = next;
      open.set(next, { request, position });
    },
    write: send,
    respond,
    openRequests: () => [...open.values()].map(({ request, position }) => ({ request, isSent: position < output.handedOver() })),
    openCount: () => open.size,
    end: () => output.end(),
    destroy: close,
  };
}

function nextFree(last: number, open: ReadonlyMap<number, unknown>): number {
  let next = last;
  do next = next >= sequenceMax ? 1 : next + 1;
  while (open.has(next));
  return next;
}

const commandIdOf = (pdu: Pdu): number => (pdu.command === "other" ? pdu.commandId : commandIds[pdu.command]);

function responseTo(to: Pdu, status: number): Pdu {
  const { sequence } = to;
  switch (to.command) {
    case "submit_sm":
    case "deliver_sm":
    case "data_sm":
      return { command: `${to.command}_resp`, status, sequence, messageId: "", tlvs: null };
    case "enquire_link":
    case "unbind":
      return { command: `${to.command}_resp`, status, sequence };
    case "bind_receiver":
    case "bind_transmitter":
    case "bind_transceiver":
      return { command: `${to.command}_resp`, status, sequence, systemId: "", tlvs: null };
    default:
      return { command: "generic_nack", status: status === statuses.ROK ? statuses.RINVCMDID : status, sequence };
  }
}

/** Answers a request whose body cannot be read. */
function refusalOf(commandId: number, status: number, sequence: number): Pdu {
  return { command: "other", commandId: (commandId | 0x8000_0000) >>> 0, status, sequence };
}

/**
 * What goes out. One write is under way at a time, so what is not handed over certainly never left;
 * whatever is written meanwhile goes out with the next, and its memory is used in turns.
 */
function createOutput(socket: Socket) {
  const writer = new OctetWriter();
  let handedOver = 0;
  let isScheduled = false;
  let isWriting = false;
  let isStopped = false;
  let isEnding = false;

  const flush = (): void => {
    isScheduled = false;
    if (isStopped || isWriting) return;
    if (writer.length === 0) {
      if (isEnding) socket.end();
      return;
    }
    const block = writer.take();
    handedOver += block.length;
    isWriting = true;
    socket.write(block, () => {
      isWriting = false;
      writer.giveBack();
      if (socket.isPaused() && writer.length < unwrittenMax) socket.resume();
      flush();
    });
  };
  return {
    write(pdu: Pdu, sequence = pdu.sequence): void {
      if (isEnding) return;
      writePdu(writer, pdu, sequence);
      if (writer.length >= unwrittenMax) socket.pause();
      if (isScheduled || isWriting) return;
      isScheduled = true;
      setImmediate(flush);
    },
    /** Where the next PDU will begin in the stream. */
    position: () => handedOver + writer.length,
    handedOver: () => handedOver,
    end(): void {
      isEnding = true;
      if (!isWriting) flush();
    },
    stop(): void {
      isStopped = true;
    },
  };
}

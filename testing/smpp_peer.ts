// A carrier of SMPP over loopback, whose every answer a test decides. It answers binds, keep-alives
// and unbinds by itself unless its script does; everything else only by its script, or by hand.
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket, type TlsOptions } from "node:tls";
import { createFrameReader, SmppFramingError } from "../src/protocols/smpp/frame_reader.ts";
import { type BindPdu, encodePdu, type MessageIdPdu, type Pdu, readPdu, type ShortMessagePdu } from "../src/protocols/smpp/pdus.ts";

export interface PeerConnection {
  /** All that came, in order. */
  readonly received: readonly Pdu[];
  readonly socket: Socket;
  isOpen(): boolean;
  send(...pdus: Pdu[]): void;
  sendOctets(octets: Uint8Array): void;
  /** Accepts or refuses a submit_sm, or answers a bind. */
  answer(pdu: Pdu, fields?: { status?: number; messageId?: string }): void;
  /** The next PDU of this command that nobody took yet; waits for it. */
  next<Name extends Pdu["command"]>(command: Name): Promise<Pdu & { command: Name }>;
  cut(): void;
  closed: Promise<void>;
}

/** True: the script has dealt with it, and nothing is answered by itself. */
export type PeerScript = (pdu: Pdu, connection: PeerConnection) => boolean | undefined;

export interface SmppPeer {
  readonly port: number;
  /** The next connection that nobody took yet; waits for it. */
  nextConnection(): Promise<PeerConnection>;
  /** Every submit_sm of all connections, in order. */
  readonly submits: readonly ShortMessagePdu[];
  connectionCount(): number;
  stop(): Promise<void>;
}

/** @param options of TLS: without them in the clear */
export async function startSmppPeer(script: PeerScript = () => undefined, tls?: TlsOptions): Promise<SmppPeer> {
  const connections: PeerConnection[] = [];
  const submits: ShortMessagePdu[] = [];
  const arrivals = createInbox<PeerConnection>();
  const onSocket = (socket: Socket): void => {
    const connection = talkTo(socket, (pdu) => {
      if (pdu.command === "submit_sm") submits.push(pdu);
      if (script(pdu, connection) !== true) answerByItself(pdu, connection);
    });
    connections.push(connection);
    arrivals.put(connection);
  };
  const server: Server = tls === undefined ? createServer(onSocket) : createTlsServer(tls, onSocket);
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    nextConnection: () => arrivals.take(() => true),
    submits,
    connectionCount: () => connections.length,
    async stop() {
      for (const connection of connections) connection.cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function talkTo(socket: Socket, onPdu: (pdu: Pdu) => void): PeerConnection {
  const received: Pdu[] = [];
  const inbox = createInbox<Pdu>();
  const reader = createFrameReader();
  let isOpen = true;
  const connection: PeerConnection = {
    received,
    socket,
    isOpen: () => isOpen,
    send: (...pdus) => void socket.write(Buffer.concat(pdus.map(encodePdu))),
    sendOctets: (octets) => void socket.write(octets),
    answer: (pdu, fields) => connection.send(answerTo(pdu, fields)),
    next: (command) => inbox.take((pdu) => pdu.command === command) as never,
    cut: () => void (socket instanceof TLSSocket ? socket.destroy() : socket.resetAndDestroy()),
    closed: new Promise((resolve) => socket.once("close", () => resolve())),
  };
  socket.setNoDelay(true);
  socket.on("error", () => {}); // a cut of the other side is what a test asked for
  socket.on("close", () => {
    isOpen = false;
  });
  const take = (bytes: Buffer, start: number, end: number): void => {
    const pdu = readPdu(bytes, start, end);
    received.push(pdu);
    onPdu(pdu);
    inbox.put(pdu);
  };
  socket.on("data", (chunk: Buffer) => {
    try {
      reader.push(chunk, take);
    } catch (error) {
      if (!(error instanceof SmppFramingError)) throw error;
      socket.destroy();
    }
  });
  return connection;
}

function answerByItself(pdu: Pdu, connection: PeerConnection): void {
  if (isBind(pdu) || pdu.command === "enquire_link") connection.answer(pdu);
  if (pdu.command !== "unbind") return;
  connection.answer(pdu);
  connection.socket.end();
}

const isBind = (pdu: Pdu): pdu is BindPdu =>
  pdu.command === "bind_transceiver" || pdu.command === "bind_transmitter" || pdu.command === "bind_receiver";

function answerTo(pdu: Pdu, { status = 0, messageId = "" }: { status?: number; messageId?: string } = {}): Pdu {
  const { sequence } = pdu;
  if (isBind(pdu)) return { command: `${pdu.command}_resp`, status, sequence, systemId: "peer", tlvs: null };
  if (pdu.command === "enquire_link" || pdu.command === "unbind") return { command: `${pdu.command}_resp`, status, sequence };
  const command = `${pdu.command}_resp` as MessageIdPdu["command"];
  return { command, status, sequence, messageId, tlvs: null };
}

/** What came and what is waited for. */
function createInbox<T>() {
  const waiting: { wants: (item: T) => boolean; take: (item: T) => void }[] = [];
  const items: T[] = [];
  return {
    put(item: T): void {
      const index = waiting.findIndex(({ wants }) => wants(item));
      if (index === -1) items.push(item);
      else waiting.splice(index, 1)[0]?.take(item);
    },
    take(wants: (item: T) => boolean): Promise<T> {
      const index = items.findIndex(wants);
      if (index !== -1) return Promise.resolve(items.splice(index, 1)[0] as T);
      return new Promise((take) => waiting.push({ wants, take }));
    },
  };
}

// A client of SMPP in a test: it sends what the test says, keeps what comes, and answers receipts
// as the test says.
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { openSmppConnection } from "../src/protocols/smpp/connection.ts";
import { statuses } from "../src/protocols/smpp/constants.ts";
import { type MessageIdPdu, type Pdu, type ShortMessagePdu, shortMessage } from "../src/protocols/smpp/pdus.ts";
import { waitFor } from "./wait_for.ts";

export interface SmppClient {
  /** Answers of the server, in order of arrival; one that never came has none. */
  ask(pdu: Pdu): Promise<Pdu>;
  bind(mode: "transceiver" | "transmitter" | "receiver", systemId: string, password: string, interfaceVersion?: number): Promise<Pdu>;
  /** @returns the message id. @throws Error with the status */
  submit(fields?: Partial<ShortMessagePdu>): Promise<string>;
  /** deliver_sm so far. */
  delivered: ShortMessagePdu[];
  /** Everything that was heard, in order: answers and requests by their command. */
  heard: string[];
  /** null: no answer. */
  answerReceiptsWith(status: (no: number) => number | null): void;
  /** Octets as they are. */
  write(octets: Buffer): void;
  isOpen(): boolean;
  untilClosed(): Promise<void>;
  cut(): void;
}

/** The texts of receipts so far. */
export const receiptTexts = ({ delivered }: SmppClient): string[] => delivered.map((pdu) => pdu.shortMessage.toString("latin1"));

export async function openSmppClient(port: number, tls?: { ca: string; servername: string }): Promise<SmppClient> {
  const socket = tls === undefined ? connectTcp(port, "127.0.0.1") : connectTls({ port, host: "127.0.0.1", ...tls });
  await new Promise<void>((resolve, reject) => {
    socket.once(tls === undefined ? "connect" : "secureConnect", resolve);
    socket.once("error", reject);
  });
  const delivered: ShortMessagePdu[] = [];
  const heard: string[] = [];
  let answerOf: (no: number) => number | null = () => statuses.ROK;
  let isClosed = false;
  const connection = openSmppConnection<(pdu: Pdu) => void>(socket, {
    onRequest(pdu) {
      heard.push(pdu.command);
      if (pdu.command === "deliver_sm") {
        const status = answerOf(delivered.length);
        delivered.push({
          ...pdu,
          shortMessage: Buffer.from(pdu.shortMessage),
          tlvs: pdu.tlvs === null ? null : new Map([...pdu.tlvs].map(([tag, value]) => [tag, Buffer.from(value)])),
        });
        if (status !== null) connection.respond(pdu, status);
        return;
      }
      connection.respond(pdu);
      if (pdu.command === "unbind") connection.end();
    },
    onResponse(resolve, pdu) {
      heard.push(pdu.command);
      resolve(pdu);
    },
    onStray: (pdu) => void heard.push(`stray ${pdu.command}`),
    onClose() {
      isClosed = true;
    },
  });
  const ask = (pdu: Pdu) => new Promise<Pdu>((resolve) => connection.request(pdu, resolve));
  return {
    ask,
    bind: (mode, systemId, password, interfaceVersion = 0x34) =>
      ask({
        ...{ command: `bind_${mode}`, status: 0, sequence: 0, systemId, password, systemType: "", interfaceVersion },
        ...{ addressTon: 0, addressNpi: 0, addressRange: "" },
      }),
    async submit(fields = {}) {
      const { status, messageId } = (await ask(submitPdu(fields))) as MessageIdPdu;
      if (status !== 0) throw new Error(`0x${status.toString(16)}`);
      return messageId;
    },
    ...{ delivered, heard },
    answerReceiptsWith(status) {
      answerOf = status;
    },
    write: (octets) => void socket.write(octets),
    isOpen: () => connection.isOpen(),
    untilClosed: async () => void (await waitFor("the end of the connection", () => isClosed)),
    cut: () => connection.destroy("cut by the test"),
  };
}

/** A submit_sm to a number that is delivered, with a receipt, unless the fields say otherwise. */
export function submitPdu(fields: Partial<ShortMessagePdu> = {}): ShortMessagePdu {
  return shortMessage({
    command: "submit_sm",
    source: { ton: 5, npi: 0, digits: "Oulu" },
    destination: { ton: 1, npi: 1, digits: "46701740610" },
    shortMessage: Buffer.from("Hello"),
    registeredDelivery: 1,
    ...fields,
  });
}

// Records what passes over loopback connections, as a file that network analysers read.
import { writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Bytes of one direction of one connection, as they came. */
export interface CapturedChunk {
  /** From 0, in the order in which they were opened. */
  connection: number;
  isFromClient: boolean;
  bytes: Buffer;
}

export interface Capture {
  port: number;
  readonly chunks: readonly CapturedChunk[];
  /** Cuts all connections. */
  cut(): void;
  stop(): Promise<void>;
}

/** A proxy to a port of this machine that keeps what passes. */
export async function startCapture(toPort: number): Promise<Capture> {
  const chunks: CapturedChunk[] = [];
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const connection = count++;
    const target = connect({ port: toPort, host: "127.0.0.1", allowHalfOpen: true });
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on("data", (bytes: Buffer) => {
        chunks.push({ connection, isFromClient: from === client, bytes });
        to.write(bytes);
      });
      from.on("end", () => to.end());
      from.on("error", () => to.destroy());
      from.on("close", () => void (sockets.delete(from) && to.destroy()));
    }
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    chunks,
    cut,
    async stop() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What a TCP segment of the file carries at most. */
const segmentBytes = 1_400;
const headerBytes = 40;

/** Writes the chunks as a pcap file: IPv4 and TCP, each connection from a port of its own. */
export function writePcap(file: string, chunks: readonly CapturedChunk[], serverPort: number): void {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(65_535, 16);
  head.writeUInt32LE(101, 20); // LINKTYPE_RAW: begins with the IP header
  const sent = new Map<string, number>();
  const sentOf = (connection: number, isFromClient: boolean): number => sent.get(`${connection} ${isFromClient}`) ?? 0;
  const packets = chunks.flatMap(({ connection, isFromClient, bytes }) => {
    const segments: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += segmentBytes) {
      const data = bytes.subarray(at, at + segmentBytes);
      const sequence = sentOf(connection, isFromClient);
      segments.push(
        packet(
          { clientPort: 40_000 + connection, serverPort, isFromClient, sequence, acknowledged: sentOf(connection, !isFromClient) },
          data,
        ),
      );
      sent.set(`${connection} ${isFromClient}`, sequence + data.length);
    }
    return segments;
  });
  writeFileSync(file, Buffer.concat([head, ...packets]));
}

interface Segment {
  clientPort: number;
  serverPort: number;
  isFromClient: boolean;
  sequence: number;
  acknowledged: number;
}

function packet({ clientPort, serverPort, isFromClient, sequence, acknowledged }: Segment, data: Buffer): Buffer {
  const length = headerBytes + data.length;
  const bytes = Buffer.alloc(16 + headerBytes);
  bytes.writeUInt32LE(length, 8);
  bytes.writeUInt32LE(length, 12);
  const ip = bytes.subarray(16);
  ip[0] = 0x45;
  ip.writeUInt16BE(length, 2);
  ip[8] = 64;
  ip[9] = 6;
  ip.writeUInt32BE(0x7f00_0001, 12);
  ip.writeUInt32BE(0x7f00_0001, 16);
  ip.writeUInt16BE(isFromClient ? clientPort : serverPort, 20);
  ip.writeUInt16BE(isFromClient ? serverPort : clientPort, 22);
  ip.writeUInt32BE(sequence + 1, 24);
  ip.writeUInt32BE(acknowledged + 1, 28);
  ip[32] = 0x50;
  ip[33] = 0x18; // PSH, ACK
  ip.writeUInt16BE(65_535, 34);
  return Buffer.concat([bytes, data]);
}

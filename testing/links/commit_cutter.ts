// A proxy before Postgres that lets a COMMIT through and cuts the connection instead of bringing
// its answer: the sender cannot know what happened. Reads the server's side of the protocol
// (https://www.postgresql.org/docs/18/protocol-message-formats.html). Used by crash point C34.
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface CommitCutter {
  port: number;
  /** Commits whose answer was cut off. */
  cuts(): number;
  /** Cuts no more. */
  rest(): void;
  close(): Promise<void>;
}

/**
 * Command tags of what a single statement has written and committed by itself; an explicit
 * transaction ends with COMMIT.
 */
const writingTag = /^(?:COMMIT|(?:INSERT 0|UPDATE|DELETE) [1-9]\d*)$/;

/** @param shouldCut asked at each commit */
export async function openCommitCutter(target: { host: string; port: number }, shouldCut: () => boolean): Promise<CommitCutter> {
  const sockets = new Set<Socket>();
  let cuts = 0;
  let isResting = false;
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ ...target, noDelay: true });
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => {
        sockets.delete(socket);
        end();
      });
    }
    client.pipe(upstream);
    const onCommit = (): boolean => {
      if (isResting || !shouldCut()) return false;
      cuts += 1;
      client.resetAndDestroy();
      upstream.destroy();
      return true;
    };
    forwardReplies(upstream, client, onCommit);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    cuts: () => cuts,
    rest() {
      isResting = true;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * Hands on whole messages. From the CommandComplete of something written on, they wait for
 * ReadyForQuery: when that says "idle" (not inside a transaction), the server has committed, and
 * `onCommit` may want none of it to arrive.
 */
function forwardReplies(upstream: Socket, client: Socket, onCommit: () => boolean): void {
  let rest: Buffer = Buffer.alloc(0);
  let held: Buffer[] = [];
  upstream.on("data", (data) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
    for (let message = takeMessage(rest); message !== null; message = takeMessage(rest)) {
      rest = rest.subarray(message.length);
      const type = String.fromCharCode(message[0] as number);
      const hasWritten = type === "C" && writingTag.test(message.toString("latin1", 5, message.length - 1));
      if (hasWritten || held.length > 0) held.push(message);
      else client.write(message);
      if (type !== "Z" || held.length === 0) continue;
      const isIdle = message[5] === "I".charCodeAt(0);
      if (isIdle && onCommit()) return;
      client.write(Buffer.concat(held));
      held = [];
    }
  });
}

/** The first whole message: a byte of type, then a length that counts itself. */
function takeMessage(bytes: Buffer): Buffer | null {
  if (bytes.length < 5) return null;
  const length = 1 + bytes.readInt32BE(1);
  return bytes.length < length ? null : bytes.subarray(0, length);
}

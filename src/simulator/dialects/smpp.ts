// The simulator as an SMPP 3.4 server (an SMSC): one listener, with or without TLS, made-up
// credentials, and what the sessions of one account share.
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { AccountPeaks } from "../../contracts/simulator_answers.ts";
import { createTokenBucket, type TokenBucket } from "../token_bucket.ts";
import { createPeaks } from "./peaks.ts";
import { createSmppReceipts } from "./smpp_receipts.ts";
import { SmppSession } from "./smpp_session.ts";
import type { SmppDialectOptions, SmppShared } from "./smpp_shared.ts";

export interface SmppDialect {
  /** @returns the port, also if 0 was asked for */
  listen(host: string, port: number): Promise<number>;
  /** What each account has shown at most, by its name. */
  peaks(): Record<string, AccountPeaks>;
  /**
   * Answers what is in hand, unbinds every session, closes the listener. Before the simulator ends.
   */
  stop(): Promise<void>;
}

const enquireLinkDefaultMs = 30_000;
/** A client that answers neither receipts nor unbind holds up the end no longer. */
const leaveMaxMs = 2_000;

/** Call before the simulator starts: it tells receipts at once. */
export function createSmppDialect(options: SmppDialectOptions): SmppDialect {
  const sessions = new Set<SmppSession>();
  const buckets = new Map<string, TokenBucket>();
  const receipts = createSmppReceipts(options.network, options.receiptWindow);
  const peaks = createPeaks();
  options.network.register("smpp", receipts);
  const shared: SmppShared = {
    ...options,
    enquireLinkMs: options.enquireLinkMs ?? enquireLinkDefaultMs,
    receipts,
    peaks,
    bucketOf(account) {
      let bucket = buckets.get(account);
      if (bucket === undefined) {
        bucket = createTokenBucket(options.partsPerSecond, () => performance.now());
        buckets.set(account, bucket);
      }
      return bucket;
    },
    onSessionEnd: (session) => void sessions.delete(session as SmppSession),
  };
  const accept = (socket: Socket): void => void sessions.add(new SmppSession(socket, shared));
  const server: Server = options.tls === null ? createServer(accept) : createTlsServer(options.tls, accept);
  // a client that does not speak TLS
  server.on("tlsClientError", () => {});

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen({ host, port }, () => {
          const address = server.address();
          if (address === null || typeof address === "string") reject(new Error("the listener has no port"));
          else resolve(address.port);
        });
      }),
    peaks: peaks.read,
    async stop() {
      const closed = new Promise<void>((resolve) => {
        if (server.listening) server.close(() => resolve());
        else resolve();
      });
      await Promise.all([...sessions].map((session) => session.leave(leaveMaxMs)));
      await closed;
    },
  };
}

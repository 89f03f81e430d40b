// The simulator as an SMPP 3.4 server (an SMSC): one listener, with or without TLS, made-up
// credentials, and what the sessions of one account share.
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { AccountPeaks } from "../../contracts/simulator_answers.ts";
import type { AccountNetwork } from "../account_network.ts";
import { createTokenBucket, type TokenBucket } from "../token_bucket.ts";
import { createPeaks } from "./peaks.ts";
import { createSmppReceipts, type SmppReceipts } from "./smpp_receipts.ts";
import { SmppSession } from "./smpp_session.ts";

export interface SmppDialectOptions {
  network: AccountNetwork;
  /** system_id -> password. */
  passwords: ReadonlyMap<string, string>;
  /** What data_coding 0 means. */
  alphabet: "gsm7" | "latin1";
  /** Of one system_id at once. */
  bindsMax: number;
  /** submit_sm without an answer of one bind. */
  window: number;
  /** Of one system_id; 0 is no limit. */
  partsPerSecond: number;
  /** PEM; null: without TLS. */
  tls: { cert: string; key: string } | null;
  /** Between two enquire_link of ours. */
  enquireLinkMs?: number;
  onFatal(error: unknown): void;
}

export interface SmppShared extends SmppDialectOptions {
  enquireLinkMs: number;
  receipts: SmppReceipts;
  peaks: ReturnType<typeof createPeaks>;
  bucketOf(account: string): TokenBucket;
  onSessionEnd(session: SmppSession): void;
}

export interface SmppDialect {
  /** @returns the port, also if 0 was asked for */
  listen(host: string, port: number): Promise<number>;
  /** What each account has shown at most, by its name. */
  peaks(): Record<string, AccountPeaks>;
  /** Answers what is in hand, unbinds every session, closes the listener. Before the simulator ends. */
  stop(): Promise<void>;
}

const enquireLinkDefaultMs = 30_000;
/** A client that answers neither receipts nor unbind holds up the end no longer. */
const leaveMaxMs = 2_000;

/** Call before the simulator starts: it tells receipts at once. */
export function createSmppDialect(options: SmppDialectOptions): SmppDialect {
  const sessions = new Set<SmppSession>();
  const buckets = new Map<string, TokenBucket>();
  const receipts = createSmppReceipts(options.network);
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
    onSessionEnd: (session) => void sessions.delete(session),
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

// One connection to a receiver of webhooks, over undici's client: a body out, its status back. Used
// by sender.ts and targets.ts, which sign and repeat.
import type { Socket } from "node:net";
import { buildConnector, Client, type Dispatcher } from "undici";
import { AddressRefused } from "./public_connector.ts";

/**
 * A receiver that commits before it answers may be frozen for seconds; holding the request is then
 * the cheapest wait.
 */
export const attemptTimeoutMs = 15_000;
export const connectTimeoutMs = 3_000;

export interface ReceiverAnswer {
  /** 0: no answer. */
  status: number;
  /** The header as it came. */
  retryAfter: string | null;
  /** There was none, because its address may not be called. */
  isAddressRefused?: true;
}

/** For a receiver that a customer has named. */
export interface ReceiverLimits {
  /** From the first byte to the last one of its answer; then what is known of it counts. */
  attemptMs: number;
  /** Of the answer's body; no more is read. */
  answerBytesMax: number;
  connect: buildConnector.connector;
}

export interface ReceiverClient {
  /**
   * `headers` with the content type. Never throws. Several at once go out one behind the other
   * (HTTP/1.1 pipelining), up to `pipelining`.
   * @param path with its query; that of the URL if not given
   */
  post(headers: Readonly<Record<string, string>>, body: Buffer, path?: string): Promise<ReceiverAnswer>;
  close(): Promise<void>;
}

export function openReceiverClient(url: string, pipelining: number, limits?: ReceiverLimits): ReceiverClient {
  const { pathname, search, origin } = new URL(url);
  const connector = limits?.connect ?? buildConnector({ timeout: connectTimeoutMs });
  let socket: Socket | null = null;
  const client = new Client(origin, {
    pipelining,
    headersTimeout: attemptTimeoutMs,
    bodyTimeout: attemptTimeoutMs,
    connect(options, callback) {
      connector(options, (...result) => {
        socket = result[1] ?? null; // nothing at all after a refusal
        callback(...result);
      });
    },
  });
  return {
    // `dispatch`, not `request`: no stream and no promise of a body that nobody reads
    post: (headers, body, path = pathname + search) =>
      new Promise((resolve) => {
        const answer: ReceiverAnswer = { status: 0, retryAfter: null };
        const bounds = limits === undefined ? null : boundAnswer(limits);
        if (pipelining > 1 && socket !== null && !socket.destroyed) gatherWrites(socket);
        client.dispatch(
          // a body may be repeated, so it may stand behind others that are not answered yet
          { method: "POST", path, headers, body, idempotent: true, blocking: false },
          {
            onRequestStart(controller) {
              bounds?.begin(controller);
            },
            onResponseStart(_controller, status, { "retry-after": retryAfter }) {
              answer.status = status;
              if (typeof retryAfter === "string") answer.retryAfter = retryAfter;
            },
            onResponseData(_controller, chunk) {
              bounds?.add(chunk.length);
            },
            onResponseEnd() {
              bounds?.end();
              resolve(answer);
            },
            onResponseError(_controller, error) {
              const isCutByUs = bounds?.end() === true;
              if (error instanceof AddressRefused) resolve({ status: 0, retryAfter: null, isAddressRefused: true });
              else resolve(isCutByUs ? answer : { status: 0, retryAfter: null });
            },
          },
        );
      }),
    close: () => client.destroy(),
  };
}

/** Cuts the connection of an answer that takes too long, or has too long a body. */
function boundAnswer({ attemptMs, answerBytesMax }: ReceiverLimits) {
  let controller: Dispatcher.DispatchController | null = null;
  let bytes = 0;
  let isCut = false;
  const cut = (): void => {
    isCut = true;
    controller?.abort(new Error("the answer is too long, or too slow"));
  };
  const timer = setTimeout(cut, attemptMs);
  return {
    begin(begun: Dispatcher.DispatchController): void {
      controller = begun;
      if (isCut) cut();
    },
    add(more: number): void {
      bytes += more;
      if (bytes > answerBytesMax && !isCut) cut();
    },
    /** @returns whether it was cut */
    end(): boolean {
      clearTimeout(timer);
      return isCut;
    },
  };
}

/**
 * What is written to the socket until the end of this turn goes out as one packet: each packet is a
 * system call, and wakes the reader.
 */
function gatherWrites(socket: Socket): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  setImmediate(() => socket.uncork());
}

// gRPC in both directions: the server of rpc (with health and reflection), and the client of
// webapi, salesapi and sales_worker. One typed error crosses the wire: AppError as a status plus
// the trailing metadata `error-code`, `error-details` and `error-retry-after-s`.
import { isIPv6 } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  credentials,
  type handleUnaryCall,
  Metadata,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type ServiceError,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation, service as healthService } from "grpc-health-check";
import { AppError, type ErrorCode, type ErrorDetails, errorRules } from "../contracts/errors.ts";
import * as credit from "../contracts/generated/credit.ts";
import { createInternalTokenCheck } from "./internal_token.ts";
import { errorFields, type Log } from "./log.ts";
import { succeedsWithin } from "./time/deadline.ts";

/** Our calls carry ids and amounts: a larger message is an attack or a mistake. */
const messageBytesMax = 64 * 1024;
/** /ready is polled often, and an answer takes a millisecond. */
const pingDeadlineMs = 1_000;
const callDeadlineMs = 2_000;
const contractsFolder = join(dirname(fileURLToPath(import.meta.url)), "../contracts");

export interface GrpcServerOptions {
  host: string;
  /** 0 picks a free port. */
  port: number;
  services: { name: string; definition: ServiceDefinition; implementation: UntypedServiceImplementation; protoFile: string }[];
  log: Log;
}

export interface GrpcServer {
  port: number;
  /** Sets the answer of the standard health service. */
  setServing(isServing: boolean): void;
  /** Accepts no new calls and waits at most `drainMs` for those in progress. */
  stop(drainMs: number): Promise<void>;
}

export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const server = new Server({ "grpc.max_receive_message_length": messageBytesMax, "grpc.max_send_message_length": messageBytesMax });
  const health = new HealthImplementation({ "": "SERVING" });
  health.addToServer(server);
  for (const { name, definition, implementation, protoFile } of options.services) {
    server.addService(definition, implementation);
    health.setStatus(name, "SERVING");
    new ReflectionService(loadSync(protoFile, { includeDirs: [contractsFolder] })).addToServer(server);
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(
      `${isIPv6(options.host) ? `[${options.host}]` : options.host}:${options.port}`,
      ServerCredentials.createInsecure(),
      (error, bound) => (error === null ? resolve(bound) : reject(error)),
    );
  });
  return {
    port,
    setServing(isServing) {
      for (const name of ["", ...options.services.map((service) => service.name)])
        health.setStatus(name, isServing ? "SERVING" : "NOT_SERVING");
    },
    async stop(drainMs) {
      const drained = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      if (!(await succeedsWithin(drainMs, drained))) server.forceShutdown();
    },
  };
}

/**
 * Wraps one unary method: checks the internal token, turns AppError into a status, and logs
 * unexpected errors.
 */
export function handleUnary<Q, A>(options: { internalToken: string; log: Log }, answer: (request: Q) => Promise<A>): handleUnaryCall<Q, A> {
  const isOurs = createInternalTokenCheck(options.internalToken);
  return (call, callback) => {
    const answered = isOurs(call.metadata.get("authorization")[0]?.toString())
      ? answer(call.request)
      : Promise.reject(new AppError("internal_token_invalid", "The call carries no valid internal token."));
    answered.then(
      (response) => callback(null, response),
      (error: unknown) => {
        if (!(error instanceof AppError)) options.log.error({ event: "grpc.failed", method: call.getPath(), ...errorFields(error) });
        callback(toStatus(error));
      },
    );
  };
}

function toStatus(error: unknown) {
  const known = error instanceof AppError ? error : new AppError("internal", "Internal error.");
  const metadata = new Metadata();
  metadata.set("error-code", known.code);
  metadata.set("error-details", JSON.stringify(known.details));
  if (known.retryAfterS !== undefined) metadata.set("error-retry-after-s", String(known.retryAfterS));
  return { code: errorRules[known.code].grpc as status, details: known.message, metadata };
}

const HealthClient = makeGenericClientConstructor(healthService as ServiceDefinition, "Health");

type Call<Q, A> = (request: Q, options?: { deadlineMs?: number }) => Promise<A>;

export interface CreditClient {
  getWorkspaceCredit: Call<credit.GetWorkspaceCreditRequest, credit.GetWorkspaceCreditResponse>;
  reserveCredit: Call<credit.ReserveCreditRequest, credit.ReserveCreditResponse>;
  releaseCredit: Call<credit.ReleaseCreditRequest, credit.ReleaseCreditResponse>;
  addCredit: Call<credit.AddCreditRequest, credit.AddCreditResponse>;
  getPriceList: Call<credit.GetPriceListRequest, credit.GetPriceListResponse>;
  authenticateKey: Call<credit.AuthenticateKeyRequest, credit.AuthenticateKeyResponse>;
  authenticateSession: Call<credit.AuthenticateSessionRequest, credit.AuthenticateSessionResponse>;
  /** Resolves when rpc answers. @throws if it does not answer within a second */
  ping(): Promise<void>;
  close(): void;
}

/**
 * A client of rpc's credit service. Each call has a deadline and carries the internal token.
 * @throws AppError with rpc's code; deadline_exceeded and service_unavailable leave the effect
 * unknown: repeat the call with the same id
 */
export function openCreditClient(options: { address: string; internalToken: string }): CreditClient {
  const channel = {
    "grpc.max_receive_message_length": messageBytesMax,
    // reconnects soon after rpc is back
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1_000,
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 2_000,
  };
  const client = new credit.CreditServiceClient(options.address, credentials.createInsecure(), channel);
  const health = new HealthClient(options.address, credentials.createInsecure(), channel);
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${options.internalToken}`);

  type Method<Q, A> = (
    request: Q,
    metadata: Metadata,
    options: { deadline: number },
    callback: (error: ServiceError | null, answer: A) => void,
  ) => unknown;
  const promised =
    <Q, A>(method: Method<Q, A>): Call<Q, A> =>
    (request, callOptions = {}) =>
      new Promise((resolve, reject) => {
        const deadline = Date.now() + (callOptions.deadlineMs ?? callDeadlineMs);
        method.call(client, request, metadata, { deadline }, (error, answer) =>
          error === null ? resolve(answer) : reject(fromStatus(error)),
        );
      });
  return {
    getWorkspaceCredit: promised(client.getWorkspaceCredit as Method<credit.GetWorkspaceCreditRequest, credit.GetWorkspaceCreditResponse>),
    reserveCredit: promised(client.reserveCredit as Method<credit.ReserveCreditRequest, credit.ReserveCreditResponse>),
    releaseCredit: promised(client.releaseCredit as Method<credit.ReleaseCreditRequest, credit.ReleaseCreditResponse>),
    addCredit: promised(client.addCredit as Method<credit.AddCreditRequest, credit.AddCreditResponse>),
    getPriceList: promised(client.getPriceList as Method<credit.GetPriceListRequest, credit.GetPriceListResponse>),
    authenticateKey: promised(client.authenticateKey as Method<credit.AuthenticateKeyRequest, credit.AuthenticateKeyResponse>),
    authenticateSession: promised(
      client.authenticateSession as Method<credit.AuthenticateSessionRequest, credit.AuthenticateSessionResponse>,
    ),
    // by a call, not by the state of the channel: a frozen rpc keeps its connections open
    ping: () =>
      new Promise((resolve, reject) => {
        const deadline = Date.now() + pingDeadlineMs;
        health.Check?.({ service: "" }, new Metadata(), { deadline }, (error: ServiceError | null) =>
          error === null ? resolve() : reject(error),
        );
      }),
    close() {
      client.close();
      health.close();
    },
  };
}

function fromStatus(error: ServiceError): AppError {
  const code = error.metadata?.get("error-code")[0];
  if (typeof code === "string" && code in errorRules) {
    const retryAfterS = error.metadata.get("error-retry-after-s")[0];
    return new AppError(code as ErrorCode, error.details, {
      details: parseDetails(error.metadata.get("error-details")[0]),
      ...(retryAfterS === undefined ? {} : { retryAfterS: Number(retryAfterS) }),
    });
  }
  return error.code === status.DEADLINE_EXCEEDED
    ? new AppError("deadline_exceeded", "rpc did not answer in time.", { cause: error })
    : new AppError("service_unavailable", "rpc does not answer.", { cause: error, retryAfterS: 2 });
}

function parseDetails(text: unknown): ErrorDetails {
  try {
    return JSON.parse(String(text)) as ErrorDetails;
  } catch {
    return {};
  }
}

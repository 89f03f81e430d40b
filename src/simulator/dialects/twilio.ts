// The simulator as Twilio's REST API for messages: create, list, fetch, redact, delete, by HTTP
// Basic with an account's credentials, errors in Twilio's form. Its other half is
// twilio_callbacks.ts.
import { timingSafeEqual } from "node:crypto";
import { rowOfTheirId, type SimulatorAccount, simulatorHeader, simulatorVersion } from "../../contracts/simulator_accounts.ts";
import type { AccountPeaks } from "../../contracts/simulator_answers.ts";
import type { FastifyInstance, HttpServer } from "../../platform/http.ts";
import { toAppError } from "../../platform/problem.ts";
import { sha256 } from "../../platform/sha256.ts";
import { type ApiErrorName, twilioErrorOf } from "../../protocols/twilio/errors.ts";
import { type FormFields, fieldOf, formType, parseForm } from "../../protocols/twilio/form.ts";
import { apiVersion } from "../../protocols/twilio/message.ts";
import { isFinalStatus } from "../../protocols/twilio/statuses.ts";
import type { AccountMessageView } from "../account_network.ts";
import type { Simulator } from "../simulator.ts";
import { createPeaks } from "./peaks.ts";
import { createTwilioCallbacks } from "./twilio_callbacks.ts";
import { readCreate, TwilioRefusal } from "./twilio_create.ts";
import { listPage } from "./twilio_list.ts";
import { showMessage } from "./twilio_message.ts";

export interface TwilioDialect {
  /** Adds its routes below /2010-04-01. */
  addRoutes(app: HttpServer): void;
  /** What each account has shown at most, by its name. */
  peaks(): Record<string, AccountPeaks>;
}

export interface TwilioOptions {
  simulator: Simulator;
  /** AccountSid -> auth token. */
  tokens: ReadonlyMap<string, string>;
  /** Requests of one account at once that are not refused; 0 is no limit. */
  concurrencyMax: number;
}

/** A body of 1,600 characters and its parameters, percent-encoded. */
const formBytesMax = 64 * 1024;

/** Call before the simulator starts: it tells receipts at once. */
export function createTwilioDialect(options: TwilioOptions): TwilioDialect {
  const { simulator, tokens } = options;
  simulator.accounts.register(
    "twilio",
    createTwilioCallbacks(simulator.accounts, (sid) => tokens.get(sid)),
  );
  const peaks = createPeaks();
  return {
    addRoutes: (app) =>
      void (app as unknown as FastifyInstance).register(async (scope) => addTwilioRoutes(scope, options, peaks), {
        prefix: `/${apiVersion}`,
      }),
    peaks: peaks.read,
  };
}

interface MessageParams {
  account: string;
  sid: string;
}

function addTwilioRoutes(
  scope: FastifyInstance,
  { simulator, tokens, concurrencyMax }: TwilioOptions,
  peaks: ReturnType<typeof createPeaks>,
): void {
  const { accounts } = simulator;
  answerInTwiliosForm(scope, tokens);
  const schema = { hide: true };

  scope.post<{ Params: MessageParams; Body: FormFields }>(
    "/Accounts/:account/Messages.json",
    { schema, bodyLimit: formBytesMax },
    async (request, reply) => {
      const name = nameOf(request.params.account);
      const submit = readCreate(request.body ?? [], accounts.nowMs());
      const end = peaks.begin(name, submit.parts);
      try {
        if ((concurrencyMax > 0 && peaks.inFlight(name) > concurrencyMax) || accounts.isThrottled(name)) {
          void reply.header("retry-after", "1");
          throw new TwilioRefusal("tooManyRequests", "Too Many Requests");
        }
        const { account, rowNo, rejectedCode, answer } = await accounts.submit(name, submit);
        if (answer !== "plain") {
          void reply.hijack();
          if (answer === "cut") request.raw.socket.destroy();
          return reply;
        }
        if (rejectedCode !== null) throw rejection(rejectedCode, submit.details.to, submit.details.from);
        const created = (await accounts.message(account, rowNo)) as AccountMessageView;
        return reply
          .status(201)
          .send(showMessage({ ...created, sentAtMs: null, endedAtMs: null, end: null, errorCode: null, isQueuedTold: false }));
      } finally {
        end();
      }
    },
  );

  scope.get<{ Params: MessageParams }>("/Accounts/:account/Messages.json", { schema }, async (request) => {
    const page = await listPage(accounts, nameOf(request.params.account), request.raw.url ?? "");
    if (page === null) throw new TwilioRefusal("invalidParameter", "A filter of the list cannot be read.");
    return page;
  });

  scope.get<{ Params: MessageParams }>("/Accounts/:account/Messages/:sid.json", { schema }, async ({ params }) => {
    return showMessage((await findMessage(simulator, params)).message);
  });

  scope.post<{ Params: MessageParams; Body: FormFields }>(
    "/Accounts/:account/Messages/:sid.json",
    { schema, bodyLimit: formBytesMax },
    async ({ params, body }) => {
      const { account, message } = await findMessage(simulator, params);
      const status = fieldOf(body ?? [], "Status");
      const text = fieldOf(body ?? [], "Body");
      if (status === "canceled" && text === undefined)
        throw new TwilioRefusal("notCancelable", "This message cannot be canceled: it is not scheduled.");
      if (status !== undefined || text !== "")
        throw new TwilioRefusal("updateInvalid", "Only an empty Body (redaction) or Status=canceled can be set.");
      requireEnded(message, "updateInvalid");
      await accounts.change(account, message.rowNo, { ...message.details, text: "" });
      return showMessage((await findMessage(simulator, params)).message);
    },
  );

  scope.delete<{ Params: MessageParams }>("/Accounts/:account/Messages/:sid.json", { schema }, async ({ params }, reply) => {
    const { account, message } = await findMessage(simulator, params);
    requireEnded(message, "notComplete");
    const { twilio = { messagingServiceSid: null, statusCallback: null }, ...details } = message.details;
    await accounts.change(account, message.rowNo, { ...details, text: "", twilio: { ...twilio, isDeleted: true } });
    return reply.status(204).send();
  });
}

const nameOf = (accountSid: string): string => `twilio:${accountSid}`;

/** @throws TwilioRefusal notFound */
async function findMessage(
  { accounts }: Simulator,
  { account: accountSid, sid }: MessageParams,
): Promise<{ account: SimulatorAccount; message: AccountMessageView }> {
  const account = accounts.find(nameOf(accountSid));
  const rowNo = account === undefined ? null : rowOfTheirId(account, sid);
  const message = account === undefined || rowNo === null ? null : await accounts.message(account, rowNo);
  if (account === undefined || message === null || message.details.twilio?.isDeleted === true) {
    throw new TwilioRefusal("notFound", `The requested resource /${apiVersion}/Accounts/${accountSid}/Messages/${sid}.json was not found`);
  }
  return { account, message };
}

/** @throws TwilioRefusal */
function requireEnded(message: AccountMessageView, error: ApiErrorName): void {
  const { status } = showMessage(message);
  if (!isFinalStatus(status)) throw new TwilioRefusal(error, `The message is ${status}: it can be changed when it has ended.`);
}

/** What the network refused at the submit. */
function rejection(code: string, to: string, from: string): TwilioRefusal {
  if (code === "sender_not_registered")
    return new TwilioRefusal("fromNotOwned", `The 'From' phone number ${from} is not enabled for SMS to ${to}.`);
  return new TwilioRefusal("notMobile", `'To' number: ${to}, is not a mobile number`);
}

/** Credentials, forms, and errors as Twilio's clients know them. */
function answerInTwiliosForm(scope: FastifyInstance, tokens: ReadonlyMap<string, string>): void {
  scope.addContentTypeParser(formType, { parseAs: "string", bodyLimit: formBytesMax }, (_request, body, done) =>
    done(null, parseForm(body as string)),
  );
  scope.addHook("onRequest", (request, reply, done) => {
    void reply.header(simulatorHeader, simulatorVersion);
    const account = /\/Accounts\/(AC[0-9a-f]{32})(?=[/.])/.exec(request.url)?.[1] ?? "";
    const isKnown = isAuthorized(request.headers.authorization, account, tokens);
    done(isKnown ? undefined : new TwilioRefusal("authenticate", "Authenticate"));
  });
  scope.setNotFoundHandler((request, reply) => {
    const answer = twilioErrorOf("notFound", `The requested resource ${request.url.split("?")[0]} was not found`);
    return reply.status(answer.status).header(simulatorHeader, simulatorVersion).send(answer);
  });
  scope.setErrorHandler((thrown, _request, reply) => {
    const answer = thrown instanceof TwilioRefusal ? thrown.answer : answerTo(thrown);
    if (answer.status === 401) void reply.header("www-authenticate", 'Basic realm="Twilio API"');
    return reply.status(answer.status).serializer(JSON.stringify).type("application/json").send(answer);
  });
}

/** Errors of ours, and of the framework. */
function answerTo(thrown: unknown) {
  const error = toAppError(thrown);
  if (["draining", "overloaded"].includes(error.code)) return twilioErrorOf("unavailable", error.message);
  const name: ApiErrorName = error.code === "not_found" ? "notFound" : error.code === "internal" ? "internal" : "invalidParameter";
  return twilioErrorOf(name, error.message);
}

/** Compared by hash, so in constant time whatever the length. */
function isAuthorized(header: string | undefined, accountSid: string, tokens: ReadonlyMap<string, string>): boolean {
  const token = tokens.get(accountSid);
  const given = /^basic ([A-Za-z0-9+/=]+)$/i.exec(header ?? "")?.[1];
  if (token === undefined || given === undefined) return false;
  return timingSafeEqual(sha256(Buffer.from(given, "base64").toString()), sha256(`${accountSid}:${token}`));
}

// Twilio's error numbers: of answers (20xxx, 21xxx) and of messages (30xxx), and our codes for
// them. Sources: https://www.twilio.com/docs/api/errors and the pages of each number.
import { z } from "zod";
import type { CarrierErrorCode } from "../../contracts/receipts.ts";

/** The body of every answer that is an error. `status` is the HTTP status. */
export const twilioError = z.object({
  code: z.number().int(),
  message: z.string(),
  more_info: z.string().nullish(),
  status: z.number().int(),
});
export type TwilioError = z.infer<typeof twilioError>;

/** Errors of answers that both ends know by name. */
export const apiErrors = {
  accountNotActive: { code: 10001, status: 403 },
  authenticate: { code: 20003, status: 401 },
  accountUnfunded: { code: 20005, status: 403 },
  notComplete: { code: 20009, status: 409 },
  notFound: { code: 20404, status: 404 },
  methodNotAllowed: { code: 20004, status: 405 },
  invalidParameter: { code: 20001, status: 400 },
  tooManyRequests: { code: 20429, status: 429 },
  internal: { code: 20500, status: 500 },
  unavailable: { code: 20503, status: 503 },
  toInvalid: { code: 21211, status: 400 },
  fromInvalid: { code: 21212, status: 400 },
  bodyMissing: { code: 21602, status: 400 },
  fromMissing: { code: 21603, status: 400 },
  toMissing: { code: 21604, status: 400 },
  fromNotOwned: { code: 21606, status: 400 },
  statusCallbackInvalid: { code: 21609, status: 400 },
  optedOut: { code: 21610, status: 400 },
  queueFull: { code: 21611, status: 429 },
  notMobile: { code: 21614, status: 400 },
  bodyTooLong: { code: 21617, status: 400 },
  validityInvalid: { code: 21624, status: 400 },
  updateInvalid: { code: 30400, status: 400 },
  notCancelable: { code: 30409, status: 409 },
} as const satisfies Record<string, { code: number; status: number }>;
export type ApiErrorName = keyof typeof apiErrors;

/** The error as its answer has it. */
export function twilioErrorOf(name: ApiErrorName, message: string): TwilioError {
  const { code, status } = apiErrors[name];
  return { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status };
}

/** Wrong credentials, account blocked, no money: nothing at all is taken. */
const refusingCodes: ReadonlySet<number> = new Set([10001, 10002, 20003, 20005, 20006, 20008, 90010]);

/** @param code null: the answer was not in Twilio's form */
export function isRefusalOfAccount({ status, code }: { status: number; code: number | null }): boolean {
  if (status === 401 || (code !== null && refusingCodes.has(code))) return true;
  // numbers from 21000 on are about one message, whatever status they come with
  return status === 403 && !(code !== null && code >= 21_000 && code < 22_000);
}

/** Twilio's number of each of our codes, in `error_code` of a message. */
const numbersOfOurs: Readonly<Record<CarrierErrorCode, number>> = {
  absent_subscriber: 30003,
  memory_full: 30003,
  unknown_subscriber: 30005,
  barred: 30004,
  network_failure: 30008,
  expired_in_network: 30036,
  no_sms_service: 30006,
  sender_not_registered: 30034,
  flooding_filter: 30007,
};

/** The other way; several of Twilio's numbers may mean one of ours. */
const oursOfNumbers: Readonly<Record<number, string>> = {
  21211: "unknown_subscriber",
  21212: "sender_not_registered",
  21217: "unknown_subscriber",
  21606: "sender_not_registered",
  21610: "opted_out",
  21612: "no_sms_service",
  21614: "no_sms_service",
  30001: "network_failure",
  30003: "absent_subscriber",
  30004: "barred",
  30005: "unknown_subscriber",
  30006: "no_sms_service",
  30007: "flooding_filter",
  30008: "network_failure",
  30034: "sender_not_registered",
  30036: "expired_in_network",
};

export const errorNumberOf = (code: CarrierErrorCode): number => numbersOfOurs[code];

/** Our code for a number of Twilio's: `twilio_30022` for one that has none. */
export const errorCodeOf = (number: number): string => oursOfNumbers[number] ?? `twilio_${number}`;

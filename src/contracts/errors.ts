// Every expected error that crosses a border: its code, HTTP status, gRPC status, and whether the
// operation definitely did not happen. Thrown by the domains as AppError, turned into an answer
// only at the edge (platform).

/** gRPC status codes that we use (https://grpc.io/docs/guides/status-codes/). */
export const grpcStatus = {
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

interface ErrorRule {
  http: number;
  grpc: number;
  /** True: the operation had no effect. False: it may have had one; repeat it with the same key. */
  isWithoutEffect: boolean;
  title: string;
}

const rule = (http: number, grpc: keyof typeof grpcStatus, title: string, isWithoutEffect = true): ErrorRule => ({
  http,
  grpc: grpcStatus[grpc],
  isWithoutEffect,
  title,
});

export const errorRules = {
  // who is asking
  key_missing: rule(401, "unauthenticated", "No API key"),
  key_invalid: rule(401, "unauthenticated", "Unknown or revoked API key"),
  session_invalid: rule(401, "unauthenticated", "Signed out, or the session has expired"),
  token_invalid: rule(401, "unauthenticated", "Sign-in link used, expired or unknown"),
  internal_token_invalid: rule(401, "unauthenticated", "Internal token missing or wrong"),
  scope_missing: rule(403, "permissionDenied", "The key lacks a scope"),
  origin_refused: rule(403, "permissionDenied", "Origin or Host not allowed"),
  signature_invalid: rule(401, "unauthenticated", "Receipt signature invalid or too old"),
  // what is asked for
  not_found: rule(404, "notFound", "Not found"),
  workspace_not_found: rule(404, "notFound", "Workspace not found"),
  bulksms_not_found: rule(404, "notFound", "Campaign not found"),
  key_not_found: rule(404, "notFound", "API key not found"),
  message_not_found: rule(404, "notFound", "Message not found"),
  carrier_not_found: rule(404, "notFound", "Carrier not found"),
  method_not_allowed: rule(405, "invalidArgument", "Method not allowed"),
  request_invalid: rule(400, "invalidArgument", "Request invalid"),
  request_incomplete: rule(408, "deadlineExceeded", "Request did not arrive completely in time"),
  json_invalid: rule(400, "invalidArgument", "Body is not valid JSON"),
  field_unknown: rule(422, "invalidArgument", "Unknown field"),
  content_type_unsupported: rule(415, "invalidArgument", "Content type not supported"),
  body_too_large: rule(413, "resourceExhausted", "Body too large"),
  header_too_large: rule(431, "resourceExhausted", "Header too large"),
  amount_invalid: rule(400, "invalidArgument", "Amount invalid"),
  rate_limited: rule(429, "resourceExhausted", "Too many requests"),
  // uploads
  file_missing: rule(400, "invalidArgument", "No file in the form"),
  file_more_than_one: rule(400, "invalidArgument", "More than one file in the form"),
  upload_cut: rule(400, "invalidArgument", "Upload cut short"),
  csv_empty: rule(400, "invalidArgument", "CSV file is empty"),
  csv_no_rows: rule(422, "invalidArgument", "File has no rows below its header"),
  csv_not_text: rule(415, "invalidArgument", "File is not CSV text"),
  csv_encoding_invalid: rule(422, "invalidArgument", "CSV file is in no encoding that is read"),
  csv_encoding_ambiguous: rule(422, "invalidArgument", "CSV file can be read in two encodings"),
  csv_nul: rule(422, "invalidArgument", "CSV file contains a NUL byte"),
  csv_line_too_long: rule(422, "invalidArgument", "CSV line too long"),
  csv_cell_too_long: rule(422, "invalidArgument", "CSV cell too long"),
  csv_quote_unclosed: rule(422, "invalidArgument", "CSV quote never closed"),
  csv_rows_broken: rule(422, "invalidArgument", "Too many rows of the CSV file are broken"),
  csv_header_missing: rule(422, "invalidArgument", "File has no row of column names"),
  csv_header_doubled: rule(422, "invalidArgument", "CSV header has a column that is used twice"),
  csv_phone_column_missing: rule(422, "invalidArgument", "CSV file has no phone number column"),
  phone_column_ambiguous: rule(422, "invalidArgument", "Two columns hold phone numbers"),
  csv_too_many_columns: rule(422, "invalidArgument", "CSV file has too many columns"),
  xlsx_invalid: rule(422, "invalidArgument", "Workbook cannot be read"),
  xlsx_encrypted: rule(422, "invalidArgument", "Workbook is encrypted"),
  xlsx_macros: rule(422, "invalidArgument", "Workbook holds macros"),
  xlsx_external_references: rule(422, "invalidArgument", "Workbook takes values from other files"),
  xlsx_too_large: rule(422, "resourceExhausted", "Workbook is too large when unpacked"),
  xlsx_too_many_sheets: rule(422, "invalidArgument", "Workbook has too many sheets"),
  sheet_missing: rule(422, "invalidArgument", "Workbook has no such sheet"),
  sheet_ambiguous: rule(422, "invalidArgument", "Several sheets have phone numbers"),
  csv_too_many_rows: rule(422, "invalidArgument", "CSV file has too many rows"),
  csv_no_valid_rows: rule(422, "invalidArgument", "No row of the CSV file can be texted"),
  text_invalid: rule(422, "invalidArgument", "Text invalid"),
  text_too_long: rule(422, "invalidArgument", "Text too long"),
  text_column_missing: rule(422, "invalidArgument", "Text names a column that the file lacks"),
  sender_invalid: rule(422, "invalidArgument", "Sender invalid"),
  sender_not_allowed: rule(403, "permissionDenied", "The carrier does not send from it"),
  example_file_refused: rule(422, "invalidArgument", "A file of examples"),
  id_conflicting: rule(422, "invalidArgument", "id and bulksms_id name two campaigns"),
  import_interrupted: rule(503, "unavailable", "The import was stopped with its process"),
  import_canceled: rule(409, "failedPrecondition", "The import was canceled"),
  import_lost: rule(409, "failedPrecondition", "The import lost its lease"),
  // single texts
  recipients_rejected: rule(422, "invalidArgument", "A number cannot be texted"),
  callback_url_invalid: rule(422, "invalidArgument", "Callback URL invalid"),
  // idempotency
  idempotency_key_invalid: rule(400, "invalidArgument", "Idempotency-Key invalid"),
  idempotency_key_reused: rule(422, "invalidArgument", "Idempotency-Key was used with another request"),
  idempotency_key_in_flight: rule(409, "failedPrecondition", "A request with this Idempotency-Key is in flight"),
  // state
  price_changed: rule(409, "failedPrecondition", "The price list has changed"),
  carrier_not_live: rule(409, "failedPrecondition", "The carrier is only tested, or paused"),
  carrier_changed: rule(409, "failedPrecondition", "The carrier is not the one that was expected"),
  carrier_changing: rule(409, "failedPrecondition", "The campaign's carrier is being changed"),
  carrier_name_taken: rule(409, "alreadyExists", "Another carrier has this name"),
  carrier_busy: rule(409, "failedPrecondition", "The carrier still has campaigns"),
  quote_changed: rule(409, "failedPrecondition", "More than was expected"),
  state_conflict: rule(409, "failedPrecondition", "Not possible in the campaign's state"),
  // credit
  insufficient_credit: rule(402, "failedPrecondition", "Not enough credit"),
  hold_conflict: rule(409, "alreadyExists", "Hold exists with another amount"),
  hold_closed: rule(409, "failedPrecondition", "Hold is closed"),
  hold_unknown: rule(409, "failedPrecondition", "Hold is unknown"),
  hold_exceeded: rule(409, "failedPrecondition", "More would be settled than the hold has"),
  transfer_conflict: rule(409, "alreadyExists", "Transfer exists with another hold or amount"),
  // receipts
  receipts_invalid: rule(400, "invalidArgument", "Receipt body invalid"),
  // the system itself
  service_unavailable: rule(503, "unavailable", "A dependency does not answer", false),
  carrier_keys_unreadable: rule(503, "failedPrecondition", "The keys of sealed secrets cannot be read"),
  overloaded: rule(503, "unavailable", "Queue full, try again"),
  draining: rule(503, "unavailable", "Process is shutting down"),
  deadline_exceeded: rule(504, "deadlineExceeded", "No answer in time", false),
  internal: rule(500, "internal", "Internal error", false),
} as const satisfies Record<string, ErrorRule>;

export type ErrorCode = keyof typeof errorRules;

/**
 * Facts beside the message that a program may read; becomes extension members of the problem+json
 * body.
 */
export type ErrorDetails = Record<string, string | number | boolean | null | string[]>;

/**
 * An expected refusal. `detail` is one sentence for a person; `details` are facts for a program.
 * `retryAfterS` becomes the Retry-After header.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly retryAfterS: number | undefined;

  constructor(code: ErrorCode, detail: string, options: { details?: ErrorDetails; retryAfterS?: number; cause?: unknown } = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.details = options.details ?? {};
    this.retryAfterS = options.retryAfterS;
  }
}

export function isAppError(error: unknown, ...codes: ErrorCode[]): error is AppError {
  return error instanceof AppError && (codes.length === 0 || codes.includes(error.code));
}

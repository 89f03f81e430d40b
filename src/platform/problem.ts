// Turns anything thrown into the answer that a client sees: RFC 9457 problem+json with a code of
// contracts/errors.ts. Used by the HTTP server and its direct routes.
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { AppError, type ErrorCode, errorRules } from "../contracts/errors.ts";
import { asUnavailable } from "./postgres.ts";

/** Maps fastify's own error codes (https://fastify.dev/docs/latest/Reference/Errors/). */
const fastifyErrors: Record<string, ErrorCode> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "content_type_unsupported",
  FST_ERR_CTP_BODY_TOO_LARGE: "body_too_large",
  FST_ERR_CTP_EMPTY_JSON_BODY: "json_invalid",
  FST_ERR_CTP_INVALID_JSON_BODY: "json_invalid",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "request_invalid",
  FST_ERR_BAD_URL: "not_found",
  FST_ERR_MAX_PARAM_LENGTH: "not_found",
  FST_ERR_VALIDATION: "request_invalid",
};

/** Turns anything thrown into the AppError that the client sees. */
export function toAppError(thrown: unknown): AppError {
  const error = asUnavailable(thrown);
  if (error instanceof AppError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const problems = error.validation.map(
      ({ instancePath, message }) => `${instancePath.slice(1).replaceAll("/", ".") || "body"}: ${message}`,
    );
    const isUnknownField = error.validation.every(({ keyword }) => keyword === "unrecognized_keys");
    return new AppError(isUnknownField ? "field_unknown" : "request_invalid", problems.join("; "), { details: { problems } });
  }
  if (error instanceof SyntaxError && "statusCode" in error && error.statusCode === 400)
    return new AppError("json_invalid", "The body is not valid JSON.");
  const code = error instanceof Error && "code" in error ? fastifyErrors[String(error.code)] : undefined;
  if (code !== undefined) return new AppError(code, (error as Error).message);
  return fromStatus(error) ?? new AppError("internal", "Something that should not happen did; the log has it.", { cause: error });
}

/**
 * Plugins refuse with a status of their own, such as a range or path that static files cannot
 * serve. What they blame on the client is not a fault of ours.
 */
function fromStatus(error: unknown): AppError | null {
  const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 0;
  if (status === 403 || status === 404) return new AppError("not_found", nothingHere);
  return status >= 400 && status < 500 ? new AppError("request_invalid", (error as Error).message) : null;
}

export const nothingHere = "There is nothing at this path; /docs lists what there is.";

/** The complete answer: status, headers and body. */
export function problemAnswer(thrown: unknown) {
  const error = toAppError(thrown);
  const problem = problemOf(error);
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (error.retryAfterS !== undefined) headers["retry-after"] = String(error.retryAfterS);
  if (problem.status === 401) headers["www-authenticate"] = "Bearer";
  return { status: problem.status, headers, problem, error };
}

/** RFC 9457. `code` is stable; details are added as extension members. */
export function problemOf(error: AppError) {
  const { http, title, isWithoutEffect } = errorRules[error.code];
  return {
    type: "about:blank",
    title,
    status: http,
    detail: error.message,
    code: error.code,
    is_without_effect: isWithoutEffect,
    ...error.details,
  };
}

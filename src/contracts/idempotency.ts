// The headers of requests that may be repeated: POST /create of salesapi and top-ups of webapi.

/** Of a request: the same body under the same key takes effect once. */
export const idempotencyKeyHeader = "idempotency-key";

/**
 * Of an answer, with the value `true`: this is the answer of an earlier request under the same key,
 * and nothing happened now. Missing on the first answer.
 */
export const idempotentReplayedHeader = "idempotent-replayed";

/** For the OpenAPI document, by `.meta()` of an answer's schema. */
export const mayBeReplayed = {
  headers: {
    [idempotentReplayedHeader]: {
      type: "string",
      enum: ["true"],
      description: "an earlier request had the same Idempotency-Key; this is its answer, and nothing happened now",
    },
  },
};

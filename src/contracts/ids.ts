// Ids as text: a UUID (RFC 9562) in the canonical form that Postgres takes. Every id that crosses a
// border is one.

/** A UUID of any version in lower case, without anchors, to build longer patterns from. */
export const uuidPattern = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
/** Its length in characters. */
export const uuidLength = 36;

const uuid = new RegExp(`^${uuidPattern}$`);
const uuidOfAnyCase = new RegExp(`^${uuidPattern}$`, "i");
const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** Whether the text is a UUID of any version, in either case. */
export const isUuid = (text: string): boolean => uuidOfAnyCase.test(text);

/** The same in lower case alone: what our processes write, and what an index is asked for. */
export const isLowerCaseUuid = (text: string): boolean => uuid.test(text);

/**
 * Whether the text is a UUIDv7 (section 5.7: version 7, variant 10), which callers outside ds use
 * for ids of holds and transfers.
 */
export const isUuidV7 = (text: string): boolean => uuidV7.test(text);

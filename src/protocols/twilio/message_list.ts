// The query of a list of messages: filters and the page. Both ends use it: the simulator reads it
// and links its pages, our look-ups write it.
import { parseTwilioDate } from "./dates.ts";

export const pageSizeMax = 1_000;
const pageSizeDefault = 50;

export interface MessageListQuery {
  to: string | null;
  from: string | null;
  /** Bounds of the date of sending in ms since 1970: at or after, before. */
  sentFromMs: number | null;
  sentBeforeMs: number | null;
  pageSize: number;
  /** From 0. */
  page: number;
  /** Where the page begins; what was created since the first page must not shift the others. */
  pageToken: string | null;
}

const dayMs = 24 * 3_600_000;

/** null: a value that cannot be read. */
export function parseMessageList(query: URLSearchParams): MessageListQuery | null {
  const day = boundOf(query.get("DateSent"));
  const after = boundOf(query.get("DateSent>") ?? query.get("DateSent>="));
  const before = boundOf(query.get("DateSent<") ?? query.get("DateSent<="));
  const pageSize = query.get("PageSize");
  const page = query.get("Page");
  if (day === undefined || after === undefined || before === undefined) return null;
  if ((pageSize !== null && !/^\d{1,6}$/.test(pageSize)) || (page !== null && !/^\d{1,9}$/.test(page))) return null;
  return {
    to: query.get("To") || null,
    from: query.get("From") || null,
    sentFromMs: day?.fromMs ?? after?.fromMs ?? null,
    sentBeforeMs: day?.beforeMs ?? before?.beforeMs ?? null,
    pageSize: pageSize === null ? pageSizeDefault : Math.min(pageSizeMax, Math.max(1, Number(pageSize))),
    page: page === null ? 0 : Number(page),
    pageToken: query.get("PageToken"),
  };
}

/** A day stands for all of it, an instant for its second. undefined: cannot be read. */
function boundOf(text: string | null): { fromMs: number; beforeMs: number } | null | undefined {
  if (text === null || text === "") return null;
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    const fromMs = Date.parse(`${text}T00:00:00Z`);
    return Number.isNaN(fromMs) ? undefined : { fromMs, beforeMs: fromMs + dayMs };
  }
  const isInstant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})$/.test(text);
  const timeMs = isInstant ? Date.parse(text) : (parseTwilioDate(text) ?? Number.NaN);
  return Number.isNaN(timeMs) ? undefined : { fromMs: timeMs, beforeMs: timeMs + 1_000 };
}

/** The query of one page; `parseMessageList` reads it back. */
export function formatMessageList(query: Partial<MessageListQuery>): string {
  const params = new URLSearchParams();
  const put = (name: string, value: string | number | null | undefined): void => {
    if (value !== null && value !== undefined) params.set(name, String(value));
  };
  put("To", query.to);
  put("From", query.from);
  put("DateSent>", query.sentFromMs == null ? null : new Date(query.sentFromMs).toISOString());
  put("DateSent<", query.sentBeforeMs == null ? null : new Date(query.sentBeforeMs - 1_000).toISOString());
  put("PageSize", query.pageSize);
  put("Page", query.page);
  put("PageToken", query.pageToken);
  return params.toString();
}

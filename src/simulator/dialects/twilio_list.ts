// A page of an account's messages, newest first, as Twilio's API lists them.
import { type MessagePage, messagesPath } from "../../protocols/twilio/message.ts";
import { formatMessageList, type MessageListQuery, parseMessageList } from "../../protocols/twilio/message_list.ts";
import type { AccountMessageView, AccountNetwork } from "../account_network.ts";
import { accountSidOf, showMessage } from "./twilio_message.ts";

/**
 * @param url as it was asked for: path and query
 * @returns null when the query cannot be read
 */
export async function listPage(network: AccountNetwork, name: string, url: string): Promise<MessagePage | null> {
  const query = parseMessageList(new URLSearchParams(url.slice(url.indexOf("?") + 1 || url.length)));
  const anchor = query === null ? null : anchorOf(query);
  if (query === null || anchor === undefined) return null;
  const start = query.page * query.pageSize;
  const found: AccountMessageView[] = [];
  let seen = 0;
  let newest = anchor;
  const account = network.find(name);
  if (account !== undefined) {
    const options = { ...(anchor === null ? {} : { fromRow: anchor }), ...(query.to === null ? {} : { hint: JSON.stringify(query.to) }) };
    await network.newest(account, options, (message) => {
      newest ??= message.rowNo;
      if (!isListed(message, query)) return true;
      seen += 1;
      if (seen > start) found.push(message);
      // one more than the page tells that there is another
      return found.length <= query.pageSize;
    });
  }
  const uri = (page: number): string => {
    const pageToken = page === 0 ? null : `PA${newest ?? 0}`;
    return `${messagesPath(accountSidOf(name))}?${formatMessageList({ ...query, page, pageToken })}`;
  };
  const messages = found.slice(0, query.pageSize).map(showMessage);
  return {
    messages,
    page: query.page,
    page_size: query.pageSize,
    start,
    end: start + messages.length - 1,
    uri: uri(query.page),
    first_page_uri: uri(0),
    previous_page_uri: query.page === 0 ? null : uri(query.page - 1),
    next_page_uri: found.length > query.pageSize ? uri(query.page + 1) : null,
  };
}

/**
 * The newest row of the first page: what comes later shifts no page. undefined: not one of ours.
 */
function anchorOf({ pageToken }: MessageListQuery): number | null | undefined {
  if (pageToken === null) return null;
  return /^PA\d{1,10}$/.test(pageToken) ? Number(pageToken.slice(2)) : undefined;
}

function isListed({ details, sentAtMs, acceptedAtMs }: AccountMessageView, query: MessageListQuery): boolean {
  // what is not sent yet is listed by when it was created
  const atMs = sentAtMs ?? acceptedAtMs;
  return (
    details.twilio?.isDeleted !== true &&
    (query.to === null || details.to === query.to) &&
    (query.from === null || details.from === query.from) &&
    (query.sentFromMs === null || atMs >= query.sentFromMs) &&
    (query.sentBeforeMs === null || atMs < query.sentBeforeMs)
  );
}

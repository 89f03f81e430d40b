// The requests that we make of Twilio's API: create a message, read one, list them. Any status is
// an answer; what it means is said elsewhere.
import { type HttpClient, type HttpResponse, openHttpClient } from "../../platform/http_client.ts";
import { formatForm, formType } from "../../protocols/twilio/form.ts";
import { type CreateMessage, formatCreateMessage, messagesPath } from "../../protocols/twilio/message.ts";
import { formatMessageList, type MessageListQuery } from "../../protocols/twilio/message_list.ts";

export interface TwilioApi {
  /** @throws as HttpClient.request */
  create(message: CreateMessage): Promise<HttpResponse>;
  read(sid: string): Promise<HttpResponse>;
  list(query: Partial<MessageListQuery>): Promise<HttpResponse>;
  /** Another page of a list, by the path that its answer has. */
  page(path: string): Promise<HttpResponse>;
  /** Requests under way have no answer then. */
  close(): Promise<void>;
}

export interface TwilioApiOptions {
  url: string;
  accountSid: string;
  authToken: string;
  timeoutMs: number;
  /** Keep-alive connections. */
  connections: number;
}

export function openTwilioApi({ url, accountSid, authToken, timeoutMs, connections }: TwilioApiOptions): TwilioApi {
  const client: HttpClient = openHttpClient(url, { timeoutMs, connections });
  const headers = { authorization: `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString("base64")}` };
  const get = (path: string): Promise<HttpResponse> => client.request({ method: "GET", path, headers });
  return {
    create: (message) =>
      client.request({
        method: "POST",
        path: messagesPath(accountSid),
        headers: { ...headers, "content-type": formType },
        body: formatForm(formatCreateMessage(message)),
      }),
    read: (sid) => get(messagesPath(accountSid, sid)),
    list: (query) => get(`${messagesPath(accountSid)}?${formatMessageList(query)}`),
    page: get,
    close: () => client.close(),
  };
}

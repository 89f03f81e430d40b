// Asks one process of a test over HTTP, with a key, and reads the answer whatever it is.
import { type Answer, askHttp, type HttpOptions } from "./api_client.ts";

// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever fields the answer should have
export type HttpAnswer = Answer<any>;

export type NodeHttp = (method: string, path: string, options?: HttpOptions) => Promise<HttpAnswer>;

/** `defaultKey` goes with every request that names no other. */
export function openNodeHttp(url: string, defaultKey: string | null): NodeHttp {
  return (method, path, options = {}) => askHttp(method, url + path, { key: defaultKey, ...options });
}

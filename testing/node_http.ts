// Asks one process of a test over HTTP, with a key, and reads the answer whatever it is.

export interface HttpOptions {
  /** null: none. */
  key?: string | null;
  /** A string goes out as it is and a form as a form; anything else as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
}

export interface HttpAnswer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever fields the answer should have
  body: any;
}

export type NodeHttp = (method: string, path: string, options?: HttpOptions) => Promise<HttpAnswer>;

/** `defaultKey` goes with every request that names no other. */
export function openNodeHttp(url: string, defaultKey: string | null): NodeHttp {
  return async (method, path, { key = defaultKey, body, headers = {} } = {}) => {
    const isForm = body instanceof FormData;
    const isRaw = typeof body === "string" || isForm;
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined || isForm ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };
}

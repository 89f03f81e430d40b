// One GET for a page: its answer, whether it is loading, its error. Repeated when its path or
// `beat` changes; the previous answer stays until then.
import { useCallback, useEffect, useState } from "react";
import { askSalesapi, askWebapi } from "./api.ts";

export interface Answered<T> {
  answer: T | null;
  error: unknown;
  again(): void;
}

/** @param path null: requests nothing @param apiKey asked with in place of the session */
export function useAnswer<T>(listener: "webapi" | "salesapi", path: string | null, beat: unknown = 0, apiKey?: string): Answered<T> {
  const [state, setState] = useState<{ path: string | null; answer: T | null; error: unknown }>({ path, answer: null, error: null });
  const [tries, setTries] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the beat repeats the request
  useEffect(() => {
    if (path === null) return;
    const stop = new AbortController();
    const ask = listener === "webapi" ? askWebapi : askSalesapi;
    ask<T>(path, { signal: stop.signal, ...(apiKey === undefined ? {} : { apiKey }) }).then(
      (answer) => setState({ path, answer, error: null }),
      (error) => {
        if (!stop.signal.aborted) setState((before) => ({ path, answer: before.path === path ? before.answer : null, error }));
      },
    );
    return () => stop.abort();
  }, [listener, path, beat, tries, apiKey]);
  const again = useCallback(() => setTries((before) => before + 1), []);
  const isCurrent = state.path === path;
  return { answer: isCurrent ? state.answer : null, error: isCurrent ? state.error : null, again };
}

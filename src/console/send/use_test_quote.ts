// A carrier that is only tested texts its test phones alone, and only salesapi knows which those
// are: it is asked to judge the file, a moment after the last change.
import { useEffect, useState } from "react";
import type { QuoteAnswer } from "../../contracts/quote.ts";
import { askSalesapi } from "../api/api.ts";
import type { Judgement } from "./judgement.ts";
import { type Asked, formOf } from "./send_request.ts";

export type TestQuote = { is: "asking" } | { is: "quoted"; quote: QuoteAnswer } | { is: "refused"; error: unknown };

const settleMs = 400;

/** @param judgement null: nobody needs to be asked */
export function useTestQuote(file: File | null, judgement: Pick<Judgement, "phone"> | null, asked: Asked): TestQuote | null {
  const [found, setFound] = useState<{ of: string; file: File; outcome: TestQuote } | null>(null);
  const of = file === null || judgement === null ? null : JSON.stringify(formOf(file, judgement, asked).fields);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the fields stand for what they are made of
  useEffect(() => {
    if (file === null || judgement === null || of === null) return;
    const stop = new AbortController();
    const timer = window.setTimeout(() => {
      const { form } = formOf(file, judgement, asked);
      askSalesapi<QuoteAnswer>("/quote", { method: "POST", body: form, signal: stop.signal }).then(
        (quote) => setFound({ of, file, outcome: { is: "quoted", quote } }),
        (error: unknown) => stop.signal.aborted || setFound({ of, file, outcome: { is: "refused", error } }),
      );
    }, settleMs);
    return () => {
      stop.abort();
      window.clearTimeout(timer);
    };
  }, [of, file]);
  if (of === null) return null;
  return found !== null && found.of === of && found.file === file ? found.outcome : { is: "asking" };
}

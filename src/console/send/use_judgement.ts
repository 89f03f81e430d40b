// The judgement of the chosen file while the text is typed: asks the worker a moment after the last
// key.
import { useEffect, useRef, useState } from "react";
import type { FileChoices, Judgement, JudgeRequest } from "./judgement.ts";

const settleMs = 150;

export interface Judged {
  /** The newest, which may be of what was asked before; null: there is none of this file. */
  judgement: Judgement | null;
  /** It is of all that is asked now. */
  isCurrent: boolean;
}

export function useJudgement(
  file: File | null,
  choices: FileChoices,
  asked: Pick<JudgeRequest, "text" | "country" | "partsMax" | "priceList" | "countries">,
): Judged {
  const { text, country, partsMax, priceList, countries } = asked;
  const worker = useRef<Worker | null>(null);
  const lastId = useRef(0);
  const [judged, setJudged] = useState<{ file: File; of: string; judgement: Judgement } | null>(null);
  const of = JSON.stringify([text, country, choices, partsMax, countries, priceList.version]);
  useEffect(
    () => () => {
      worker.current?.terminate();
      worker.current = null;
    },
    [],
  );
  useEffect(() => {
    if (file === null) return;
    const timer = window.setTimeout(
      () => {
        worker.current ??= new Worker(new URL("./judge_worker.ts", import.meta.url), { type: "module" });
        const id = ++lastId.current;
        worker.current.onmessage = ({ data }: MessageEvent<Judgement>) => {
          if (data.id === lastId.current) setJudged({ file, of, judgement: data });
        };
        const request: JudgeRequest = { id, file, text, country, partsMax, priceList, countries, ...choices };
        worker.current.postMessage(request);
      },
      lastId.current === 0 ? 0 : settleMs,
    );
    return () => window.clearTimeout(timer);
  }, [file, text, country, choices, partsMax, priceList, countries, of]);
  const isOfFile = judged !== null && judged.file === file;
  return { judgement: isOfFile ? judged.judgement : null, isCurrent: isOfFile && judged.of === of };
}

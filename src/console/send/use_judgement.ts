// The judgement of the chosen file while the text is typed: asks the worker a moment after the last
// key.
import { useEffect, useRef, useState } from "react";
import type { FileChoices, Judgement, JudgeRequest } from "./judgement.ts";

const settleMs = 150;

export function useJudgement(
  file: File | null,
  choices: FileChoices,
  asked: Pick<JudgeRequest, "text" | "country" | "partsMax" | "priceList" | "countries">,
): Judgement | null {
  const { text, country, partsMax, priceList, countries } = asked;
  const worker = useRef<Worker | null>(null);
  const lastId = useRef(0);
  const [judged, setJudged] = useState<{ file: File; judgement: Judgement } | null>(null);
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
          if (data.id === lastId.current) setJudged({ file, judgement: data });
        };
        const request: JudgeRequest = { id, file, text, country, partsMax, priceList, countries, ...choices };
        worker.current.postMessage(request);
      },
      lastId.current === 0 ? 0 : settleMs,
    );
    return () => window.clearTimeout(timer);
  }, [file, text, country, choices, partsMax, priceList, countries]);
  return judged !== null && judged.file === file ? judged.judgement : null;
}

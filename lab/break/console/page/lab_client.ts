// The page's client of the lab server: enters with the link's secret, reads the state once a
// second, sends commands.
import { useCallback, useEffect, useState } from "react";
import type { LabCommand, LabState } from "../../../../src/contracts/lab_console.ts";

const pollMs = 1_000;

/** entering: not known yet. outside: no link, or a used one; `why` is the reason. */
export type Visit = { is: "entering" } | { is: "inside" } | { is: "outside"; why: string };

/**
 * Uses up the secret in the address, and removes it from there before anything else can read it.
 */
export function useVisit(): Visit {
  const [visit, setVisit] = useState<Visit>({ is: "entering" });
  useEffect(() => {
    const secret = location.hash.slice(1);
    history.replaceState(null, "", "/");
    void (secret === "" ? ask("/lab/state") : ask("/lab/enter", { secret })).then((answer) =>
      setVisit(answer.problem === null ? { is: "inside" } : { is: "outside", why: answer.problem }),
    );
  }, []);
  return visit;
}

export interface Lab {
  /** null until the first answer. */
  state: LabState | null;
  /** Why the last command failed, or why the lab does not answer. */
  problem: string | null;
  give: (command: LabCommand) => void;
}

export function useLab(): Lab {
  const [state, setState] = useState<LabState | null>(null);
  const [silence, setSilence] = useState<string | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  useEffect(() => {
    let timer = 0;
    let isOver = false;
    const poll = async (): Promise<void> => {
      const answer = await ask<LabState>("/lab/state");
      if (isOver) return;
      if (answer.body !== null) setState(answer.body);
      setSilence(answer.problem);
      timer = window.setTimeout(() => void poll(), pollMs);
    };
    void poll();
    return () => {
      isOver = true;
      window.clearTimeout(timer);
    };
  }, []);
  const give = useCallback((command: LabCommand) => {
    setRefusal(null);
    void ask<LabState>("/lab/do", command).then((answer) => {
      if (answer.body !== null) setState(answer.body);
      setRefusal(answer.problem);
    });
  }, []);
  return { state, problem: silence ?? refusal, give };
}

interface Answer<T> {
  body: T | null;
  /** null: no problem. */
  problem: string | null;
}

async function ask<T = unknown>(path: string, body?: unknown): Promise<Answer<T>> {
  const headers = { "content-type": "application/json" };
  try {
    const response = await fetch(path, body === undefined ? {} : { method: "POST", headers, body: JSON.stringify(body) });
    const said = (await response.json()) as T & { detail?: string };
    if (response.ok) return { body: said, problem: null };
    return { body: null, problem: said.detail ?? `the lab answered ${response.status}` };
  } catch {
    return { body: null, problem: "The lab does not answer: is its terminal still open?" };
  }
}

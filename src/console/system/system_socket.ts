// The live figures of the system (topic system_stats), and the small hooks that its pages share.
import { useEffect, useMemo, useState } from "react";
import type { ProcessStats } from "../../contracts/topics.ts";
import { useConnection, useTopic } from "../live/live.ts";

export interface SystemNews {
  processes: readonly ProcessStats[];
  /** Of the newest update (performance.now); null before the first. */
  atMs: number | null;
  isConnected: boolean;
}

export function useSystemNews(): SystemNews {
  const update = useTopic("system_stats", "all");
  const { isConnected } = useConnection();
  return useMemo(
    () => ({ processes: update?.processes ?? [], atMs: update === null ? null : performance.now(), isConnected }),
    [update, isConnected],
  );
}

/** Ticks once a second, so that a silence grows on the screen although nothing arrives. */
export function useSeconds(): number {
  const [nowMs, setNowMs] = useState(() => performance.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNowMs(performance.now()), 1_000);
    return () => window.clearInterval(timer);
  }, []);
  return nowMs;
}

export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => window.matchMedia(query).matches);
  useEffect(() => {
    const media = window.matchMedia(query);
    const onChange = (): void => setMatches(media.matches);
    media.addEventListener("change", onChange);
    return () => media.removeEventListener("change", onChange);
  }, [query]);
  return matches;
}

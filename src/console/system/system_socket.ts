// The live figures of the system: topic system_stats over the WebSocket of this origin. Connects again by itself, and says since when it is cut off.
import { useEffect, useState } from "react";
import type { ProcessStats, SocketUpdate } from "../../contracts/topics.ts";

const retryMs = 1_000;

export interface SystemNews {
  processes: readonly ProcessStats[];
  /** Of the newest picture (performance.now); null before the first. */
  atMs: number | null;
  isConnected: boolean;
}

export function useSystemNews(): SystemNews {
  const [news, setNews] = useState<SystemNews>({ processes: [], atMs: null, isConnected: false });
  useEffect(() => {
    let socket: WebSocket | null = null;
    let retry = 0;
    const open = (): void => {
      socket = new WebSocket(new URL("/ws", location.href.replace(/^http/, "ws")));
      socket.onopen = () => {
        socket?.send(JSON.stringify({ subscribe: [{ topic: "system_stats", channel: "all" }] }));
        setNews((before) => ({ ...before, isConnected: true }));
      };
      socket.onmessage = ({ data }: MessageEvent<string>) => {
        const message = JSON.parse(data) as SocketUpdate;
        if (message.topic === "system_stats") setNews({ processes: message.update.processes, atMs: performance.now(), isConnected: true });
      };
      socket.onclose = () => {
        setNews((before) => ({ ...before, isConnected: false }));
        retry = window.setTimeout(open, retryMs);
      };
    };
    open();
    return () => {
      window.clearTimeout(retry);
      if (socket !== null) socket.onclose = null;
      socket?.close();
    };
  }, []);
  return news;
}

/** Beats once a second, so that a silence grows on the screen although nothing arrives. */
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

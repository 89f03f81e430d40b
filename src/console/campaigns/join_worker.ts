// The thread in which a campaign's exports are joined with its file: one request, and the page ends
// it.
import { type JoinAnswer, type JoinRequest, joinFile } from "./join_file.ts";

const newsEveryMs = 120;

self.onmessage = ({ data }: MessageEvent<JoinRequest>) => {
  let newsAtMs = 0;
  const post = (answer: JoinAnswer) => self.postMessage(answer);
  const onBytes = (bytesRead: number) => {
    if (performance.now() - newsAtMs < newsEveryMs) return;
    newsAtMs = performance.now();
    post({ kind: "reading", bytesRead });
  };
  void joinFile(data, onBytes).then(post, (error: unknown) => {
    post({ kind: "refused", reason: error instanceof Error ? error.message : String(error) });
  });
};

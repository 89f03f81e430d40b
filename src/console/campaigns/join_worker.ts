// The thread in which a campaign's exports are joined with its file. It answers the newest request
// alone.
import { type JoinAnswer, type JoinRequest, joinFile } from "./join_file.ts";

const newsEveryMs = 120;
let wanted = 0;

self.onmessage = ({ data }: MessageEvent<JoinRequest>) => {
  wanted = data.id;
  let newsAtMs = 0;
  const post = (answer: JoinAnswer) => {
    if (wanted === data.id) self.postMessage(answer);
  };
  const onBytes = (bytesRead: number) => {
    if (performance.now() - newsAtMs < newsEveryMs) return;
    newsAtMs = performance.now();
    post({ id: data.id, kind: "reading", bytesRead });
  };
  void joinFile(data, onBytes).then(post, (error: unknown) => {
    post({ id: data.id, kind: "refused", reason: error instanceof Error ? error.message : String(error) });
  });
};

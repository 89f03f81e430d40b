// The thread in which the page's file is judged. It answers only the newest request.
import { judgeFile } from "./judge_file.ts";
import type { JudgeRequest } from "./judgement.ts";

let wanted = 0;

self.onmessage = ({ data }: MessageEvent<JudgeRequest>) => {
  wanted = data.id;
  const isWanted = () => wanted === data.id;
  void judgeFile(data, { onNews: (judgement) => self.postMessage(judgement), isWanted }).then((judgement) => {
    if (judgement !== null) self.postMessage(judgement);
  });
};

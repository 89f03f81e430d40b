// What a campaign is followed up with: its report and its rejected rows as files, and both with the
// columns of the file that was sent, when somebody drops it here again.
import { useEffect, useState } from "react";
import type { BulksmsAnswer } from "../../contracts/http.ts";
import { downloadSalesapi, salesapiLink } from "../api/api.ts";
import { Mark } from "../look/mark.tsx";
import { Trouble } from "../look/problem_view.tsx";
import { showRows } from "../look/words.ts";
import { FileDrop } from "../send/file_drop.tsx";
import { FileQuestion } from "../send/file_questions.tsx";
import type { FileChoices } from "../send/judgement.ts";
import type { JoinAnswer, JoinRequest, Which } from "./join_file.ts";

interface FollowUpProps {
  campaign: Pick<BulksmsAnswer, "id" | "country" | "contacts" | "rejected" | "carrier" | "started_at">;
}

const exportPath = (id: string, which: Which) => `/bulksms/${id}/${which}.csv`;

export function FollowUp({ campaign }: FollowUpProps) {
  const [file, setFile] = useState<File | null>(null);
  const [choices, setChoices] = useState<Pick<FileChoices, "encoding" | "sheet">>({ encoding: null, sheet: null });
  const answer = useJoin(campaign, file, choices);
  return (
    <section aria-label="report and rejected rows">
      <h2>Report and rejected rows</h2>
      {campaign.carrier.simulated && (
        <p>
          <strong>Simulated: no phone {campaign.started_at === null ? "is" : "was"} reached.</strong>{" "}
          <span className="soft">What the report says of delivery is made up.</span>
        </p>
      )}
      <p className="actions">
        <a className="button" href={salesapiLink(exportPath(campaign.id, "report"))} download>
          Report of every message (CSV)
        </a>
        {campaign.rejected > 0 && (
          <a className="button" href={salesapiLink(exportPath(campaign.id, "rejects"))} download>
            Rejected rows (CSV)
          </a>
        )}
      </p>
      {campaign.rejected > 0 && (
        <p className="soft">
          {showRows(campaign.rejected)} could not be texted: the file says why. Fix them in it, and send it as a new campaign as it is.
        </p>
      )}
      <FileDrop
        file={file}
        prompt="With names and all other columns: drop the file here that was sent. It is read in your browser and sent nowhere."
        onFile={(chosen) => {
          setFile(chosen);
          setChoices({ encoding: null, sheet: null });
        }}
      />
      {file !== null && answer !== null && (
        <Outcome answer={answer} file={file} campaign={campaign} onChoice={(choice) => setChoices({ ...choices, ...choice })} />
      )}
    </section>
  );
}

interface OutcomeProps extends FollowUpProps {
  answer: JoinAnswer | { kind: "failed"; error: unknown };
  file: File;
  onChoice(choice: Partial<FileChoices>): void;
}

function Outcome({ answer, file, campaign, onChoice }: OutcomeProps) {
  switch (answer.kind) {
    case "reading":
      return (
        <p className="soft" role="status">
          {file.size === 0 ? "Reading it" : `Read ${Math.min(100, Math.round((100 * answer.bytesRead) / file.size))} %`} ...
        </p>
      );
    case "question":
      return <FileQuestion question={answer.question} onChoice={onChoice} />;
    case "refused":
      return (
        <p className="trouble" role="alert">
          <Mark meaning="failed" /> <strong>This is not the file that was sent, as it was then.</strong> <span>{answer.reason}</span>
        </p>
      );
    case "failed":
      return <Trouble error={answer.error} />;
    case "joined":
      return (
        <p className="actions" role="status">
          {answer.files.map(({ which, content }) => (
            <JoinedLink key={which} id={campaign.id} which={which} content={content} />
          ))}
        </p>
      );
  }
}

const linkWords: Readonly<Record<Which, string>> = { report: "Report with all columns (CSV)", rejects: "Rejected rows, whole (CSV)" };

function JoinedLink({ id, which, content }: { id: string; which: Which; content: Blob }) {
  const [url, setUrl] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(content);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [content]);
  return (
    <a className="button primary" href={url} download={`${which}_${id}_joined.csv`}>
      {linkWords[which]}
    </a>
  );
}

/** The newest answer about this file; null before there is one. */
function useJoin(
  { id: campaignId, country, contacts, rejected }: FollowUpProps["campaign"],
  file: File | null,
  choices: Pick<FileChoices, "encoding" | "sheet">,
): JoinAnswer | { kind: "failed"; error: unknown } | null {
  const [found, setFound] = useState<{ file: File; answer: JoinAnswer | { kind: "failed"; error: unknown } } | null>(null);
  useEffect(() => {
    if (file === null) return;
    const ended = new AbortController();
    const worker = new Worker(new URL("./join_worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<JoinAnswer>) => setFound({ file, answer: data });
    setFound({ file, answer: { kind: "reading", bytesRead: 0 } });
    const wanted: Which[] = [...(contacts > 0 ? (["report"] as const) : []), ...(rejected > 0 ? (["rejects"] as const) : [])];
    const download = async (which: Which) => ({ which, content: await downloadSalesapi(exportPath(campaignId, which), ended.signal) });
    // here and not in the worker, which may ask nobody
    Promise.all(wanted.map(download)).then(
      (exports) => worker.postMessage({ file, country, exports, ...choices } satisfies JoinRequest),
      (error: unknown) => ended.signal.aborted || setFound({ file, answer: { kind: "failed", error } }),
    );
    return () => {
      ended.abort();
      worker.terminate();
    };
  }, [file, choices, campaignId, country, contacts, rejected]);
  return found !== null && found.file === file ? found.answer : null;
}

// A new campaign, from top to bottom: the file and its verdict, the text and what it costs, one
// button that says what it will do.
import { useState } from "react";
import { useLocation } from "wouter";
import { isBlank } from "../../sms/template.ts";
import { useTopic } from "../live/live.ts";
import { Trouble } from "../look/problem_view.tsx";
import { creditsOf, milliOf, showCredits, showPeople } from "../look/words.ts";
import { useSession } from "../shell/session.ts";
import { Bill } from "./bill.tsx";
import { CellNotes } from "./cell_notes.tsx";
import { FileDrop } from "./file_drop.tsx";
import { FileVerdict } from "./file_verdict.tsx";
import { type FileChoices, isProblemOfText, type Judgement, noChoices } from "./judgement.ts";
import { TextField } from "./text_field.tsx";
import { useJudgement } from "./use_judgement.ts";
import { useSending } from "./use_sending.ts";

export function SendPage() {
  const {
    workspace_id: workspaceId,
    scopes,
    price_list: priceList,
    default_country: countryDefault,
    text_parts_max: partsMax,
  } = useSession();
  const [, navigate] = useLocation();
  const credit = useTopic("workspace_credit", workspaceId)?.available ?? null;
  const [file, setFile] = useState<File | null>(null);
  const [choices, setChoices] = useState<FileChoices>(noChoices);
  const [text, setText] = useState("");
  const [sender, setSender] = useState("bulksms");
  const [country, setCountry] = useState(countryDefault);
  const judgement = useJudgement(file, choices, { text, country, partsMax, priceList });

  /** Another sheet has other columns. */
  const choose = (choice: Partial<FileChoices>) =>
    setChoices({ ...choices, ...("sheet" in choice ? { phoneColumn: null } : {}), ...choice });
  const { busy, failed, setFailed, send } = useSending({ text, sender, country, choices }, navigate);

  if (!scopes.includes("send")) return <p>Your key may read but not send: sign in with one that has the scope send.</p>;
  const cost = BigInt(judgement?.costMilli ?? 0);
  const isShort = credit !== null && milliOf(credit) < cost;
  const obstacle = obstacleOf(judgement, { text, isBusy: busy !== "" });
  return (
    <div className="send">
      <h1>New campaign</h1>
      <FileDrop
        file={file}
        onFile={(chosen) => {
          setFile(chosen);
          setChoices(noChoices);
          setFailed(null);
        }}
      />
      {file !== null && judgement !== null && (
        <div className="send-columns">
          <div>
            <FileVerdict judgement={judgement} choices={choices} onChoice={choose} />
            <TextField
              text={text}
              onText={setText}
              columns={judgement.header}
              problem={isProblemOfText(judgement.problem) ? (judgement.problem?.description ?? null) : null}
            />
            <CellNotes judgement={judgement} choices={choices} onChoice={choose} />
            <div className="fields">
              <label>
                Sender
                <input value={sender} maxLength={16} onChange={(event) => setSender(event.target.value)} />
              </label>
              <label>
                Country of numbers without +
                <input
                  value={country}
                  maxLength={2}
                  size={3}
                  pattern="[A-Z]{2}"
                  title="two letters, such as FI"
                  onChange={(event) => /^[A-Za-z]{0,2}$/.test(event.target.value) && setCountry(event.target.value.toUpperCase())}
                />
              </label>
            </div>
            {failed !== null && <Trouble error={failed} />}
            <p className="actions">
              <button
                type="button"
                className="primary large"
                disabled={obstacle !== null || isShort}
                aria-describedby={obstacle === null ? undefined : "obstacle"}
                onClick={() => void send(file, judgement, true)}
              >
                {busy === "creating"
                  ? "Sending the file ..."
                  : busy === "running"
                    ? "Reserving the credit ..."
                    : `Text ${showPeople(judgement.contacts)} for at most ${showCredits(creditsOf(cost))} credits`}
              </button>
              <button type="button" disabled={obstacle !== null} onClick={() => void send(file, judgement, false)}>
                Create only, run later
              </button>
            </p>
            {obstacle !== null && obstacle !== "" && (
              <p id="obstacle" className="soft">
                {obstacle}
              </p>
            )}
          </div>
          {judgement.question === null && <Bill judgement={judgement} text={text} sender={sender} priceList={priceList} credit={credit} />}
        </div>
      )}
    </div>
  );
}

/**
 * Why nothing can be sent yet, as a sentence; empty if the page shows it anyway; null if nothing
 * stands in the way.
 */
function obstacleOf(judgement: Judgement | null, { text, isBusy }: { text: string; isBusy: boolean }): string | null {
  if (isBusy || judgement === null) return "";
  if (judgement.question !== null) return "Answer the question about the file first.";
  if (judgement.problem !== null) return "";
  if (isBlank(text)) return "Write the text first: a reader would see nothing of it.";
  if (!judgement.isDone) return "The file is still being read.";
  return judgement.contacts === 0 ? "Nobody in this file can be texted; the reasons are above." : null;
}

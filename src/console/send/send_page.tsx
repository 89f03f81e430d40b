// A new campaign, from top to bottom: the file and its verdict, the text and what it costs, one
// button that says what it will do.
import { useRef, useState } from "react";
import { useLocation } from "wouter";
import type { CreateAnswer } from "../../contracts/http.ts";
import { askSalesapi } from "../api/api.ts";
import { useTopic } from "../live/live.ts";
import { Trouble } from "../look/problem_view.tsx";
import { creditsOf, milliOf, showCount, showCredits } from "../look/words.ts";
import { useSession } from "../shell/session.ts";
import { Bill, costOf } from "./bill.tsx";
import { FileDrop } from "./file_drop.tsx";
import { FileVerdict } from "./file_verdict.tsx";
import { TextField } from "./text_field.tsx";
import { useJudgement } from "./use_judgement.ts";

export function SendPage() {
  const { workspace_id: workspaceId, scopes, part_price: price, default_country: countryDefault, text_parts_max: partsMax } = useSession();
  const [, navigate] = useLocation();
  const credit = useTopic("workspace_credit", workspaceId)?.available ?? null;
  const [file, setFile] = useState<File | null>(null);
  const [text, setText] = useState("");
  const [sender, setSender] = useState("bulksms");
  const [country, setCountry] = useState(countryDefault);
  const [phoneColumn, setPhoneColumn] = useState<string | null>(null);
  const [busy, setBusy] = useState<"" | "creating" | "running">("");
  const [failed, setFailed] = useState<unknown>(null);
  /** The same file and words again are the same campaign. */
  const key = useRef<{ of: string; value: string }>({ of: "", value: "" });
  const judgement = useJudgement(file, { text, country, phoneColumn, partsMax });

  const send = async (runs: boolean) => {
    if (file === null) return;
    setFailed(null);
    setBusy("creating");
    try {
      const created = await create();
      if (runs) {
        setBusy("running");
        await askSalesapi("/run", { method: "POST", body: { bulksms_id: created.id } });
      }
      navigate(`/campaigns/${created.id}`);
    } catch (error) {
      setFailed(error);
      setBusy("");
    }
  };
  const create = (): Promise<CreateAnswer> => {
    const form = new FormData();
    const fields = { text, sender, country, ...(phoneColumn === null ? {} : { phone_column: phoneColumn }) };
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    form.set("file", file as File);
    const of = JSON.stringify([fields, (file as File).name, (file as File).size, (file as File).lastModified]);
    if (key.current.of !== of) key.current = { of, value: crypto.randomUUID() };
    return askSalesapi<CreateAnswer>("/create", { method: "POST", body: form, idempotencyKey: key.current.value });
  };

  if (!scopes.includes("send")) return <p>Your key may look, not send: sign in with one that has the scope send.</p>;
  const cost = judgement === null ? 0n : costOf(judgement.parts, price);
  const isShort = credit !== null && milliOf(credit) < cost;
  const isReady = judgement?.isDone === true && judgement.problem === null && judgement.contacts > 0 && text.trim() !== "" && busy === "";
  const isTextProblem = judgement?.problem?.code === "text_column_missing" || judgement?.problem?.code === "text_invalid";
  return (
    <div className="send">
      <h1>New campaign</h1>
      <FileDrop
        file={file}
        onFile={(chosen) => {
          setFile(chosen);
          setPhoneColumn(null);
          setFailed(null);
        }}
      />
      {judgement !== null && (
        <div className="send-columns">
          <div>
            <FileVerdict judgement={judgement} onPhoneColumn={setPhoneColumn} />
            <TextField
              text={text}
              onText={setText}
              columns={judgement.header}
              problem={isTextProblem ? (judgement.problem?.description ?? null) : null}
            />
            <div className="fields">
              <label>
                Sender
                <input value={sender} maxLength={16} onChange={(event) => setSender(event.target.value)} />
              </label>
              <label>
                Country of numbers without one
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
              <button type="button" className="primary large" disabled={!isReady || isShort} onClick={() => void send(true)}>
                {busy === "creating"
                  ? "Sending the file ..."
                  : busy === "running"
                    ? "Holding the credit ..."
                    : `Text ${showCount(judgement.contacts)} ${judgement.contacts === 1 ? "person" : "people"} for ${showCredits(creditsOf(cost))} credits`}
              </button>
              <button type="button" disabled={!isReady} onClick={() => void send(false)}>
                Create only, run later
              </button>
            </p>
          </div>
          <Bill judgement={judgement} text={text} sender={sender} price={price} credit={credit} />
        </div>
      )}
    </div>
  );
}

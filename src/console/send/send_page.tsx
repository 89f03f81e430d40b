// A new campaign, from top to bottom: the file and its verdict, the text, the carrier and what it
// costs, one button that says what it will do.
import { useState } from "react";
import { useLocation } from "wouter";
import type { CarrierChoice, CarrierChoicesAnswer } from "../../contracts/carriers.ts";
import { isBlank } from "../../sms/template.ts";
import { useAnswer } from "../api/use_answer.ts";
import { useTopic } from "../live/live.ts";
import { Trouble } from "../look/problem_view.tsx";
import { creditsOf, milliOf, sendingWords, showCredits } from "../look/words.ts";
import { useSession } from "../shell/session.ts";
import { Bill } from "./bill.tsx";
import { carrierObstacle, carrierOf, senderOf } from "./carrier_choice.ts";
import { CarrierField, Reach, SenderField } from "./carrier_field.tsx";
import { CellNotes } from "./cell_notes.tsx";
import { FileDrop, sampleFile } from "./file_drop.tsx";
import { FileVerdict } from "./file_verdict.tsx";
import { type FileChoices, isProblemOfText, type Judgement, noChoices } from "./judgement.ts";
import { nobodyJudgement, quotedJudgement } from "./send_request.ts";
import { TextField } from "./text_field.tsx";
import { useJudgement } from "./use_judgement.ts";
import { useSending } from "./use_sending.ts";
import { type TestQuote, useTestQuote } from "./use_test_quote.ts";

export function SendPage() {
  const { scopes } = useSession();
  const maySend = scopes.includes("send");
  const { answer: choices, error, again } = useAnswer<CarrierChoicesAnswer>("salesapi", maySend ? "/carriers/choices" : null);
  if (!maySend) return <p>Your key may read but not send: sign in with one that has the scope send.</p>;
  return (
    <div className="send">
      <h1>New campaign</h1>
      {choices !== null ? <NewCampaign choices={choices} /> : error !== null && <Trouble error={error} again={again} />}
    </div>
  );
}

function NewCampaign({ choices: carriers }: { choices: CarrierChoicesAnswer }) {
  const { workspace_id: workspaceId, price_list: priceList, default_country: countryDefault, text_parts_max: partsMax } = useSession();
  const credit = useTopic("workspace_credit", workspaceId)?.available ?? null;
  const [, navigate] = useLocation();
  const [file, setFile] = useState<File | null>(null);
  const [choices, setChoices] = useState<FileChoices>(noChoices);
  const [text, setText] = useState("");
  const [country, setCountry] = useState(countryDefault);
  const { carrier, sender, fields: carrierFields } = useCarrier(carriers);
  const { judgement: judged, isCurrent } = useJudgement(file, choices, {
    text,
    country,
    partsMax,
    priceList,
    countries: carrier?.countries ?? null,
  });
  const asked = { carrier: carrier?.name ?? "", text, sender, country, choices };
  const { busy, failed, setFailed, send } = useSending(asked, navigate);
  const before = obstacleBeforeQuote(judged, { isCurrent, text, file, carriers, carrier, sender });
  const quote = useTestQuote(file, carrier?.state === "test_only" && before === null ? judged : null, asked);
  const judgement = judgementShown(judged, quote);

  /** Another sheet has other columns. */
  const choose = (choice: Partial<FileChoices>) =>
    setChoices({ ...choices, ...("sheet" in choice ? { phoneColumn: null } : {}), ...choice });
  const choosesFile = (chosen: File) => {
    setFile(chosen);
    setChoices(noChoices);
    setFailed(null);
  };
  const obstacle = busy !== "" ? "" : (before ?? obstacleAfterQuote(judgement, quote));
  return (
    <>
      <FileDrop file={file} onFile={choosesFile} />
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
              {carrierFields}
              <CountryField country={country} onCountry={setCountry} />
            </div>
            {carrier !== null && <Reach carrier={carrier} />}
            {failed !== null && <Trouble error={failed} />}
            {isUnquoted(judgement, quote) && quote?.is === "refused" && <Trouble error={quote.error} />}
            <SendButtons
              judgement={judgement}
              carrier={carrier}
              busy={busy}
              obstacle={obstacle}
              isShort={credit !== null && milliOf(credit) < BigInt(judgement.costMilli)}
              onSend={(runs) => carrier !== null && void send(file, judgement, carrier, runs)}
            />
          </div>
          {judgement.question === null && (
            <Bill judgement={judgement} samples={samplesOf(quote)} text={text} sender={sender} priceList={priceList} credit={credit} />
          )}
        </div>
      )}
    </>
  );
}

/** The carrier and the sender that are chosen, and the fields that choose them. */
function useCarrier(choices: CarrierChoicesAnswer) {
  const [name, setName] = useState<string | null>(null);
  const [typed, setTyped] = useState({ free: "bulksms", listed: null as string | null });
  const carrier = carrierOf(choices, name);
  const sender = carrier === null ? "" : senderOf(carrier, typed);
  const fields = (
    <>
      <CarrierField choices={choices} carrier={carrier} onCarrier={setName} />
      {carrier !== null && (
        <SenderField
          senders={carrier.senders}
          sender={carrier.senders === null ? typed.free : sender}
          onFree={(free) => setTyped({ ...typed, free })}
          onListed={(listed) => setTyped({ ...typed, listed })}
        />
      )}
    </>
  );
  return { carrier, sender, fields };
}

function CountryField({ country, onCountry }: { country: string; onCountry: (country: string) => void }) {
  return (
    <label>
      Country of numbers without +
      <input
        value={country}
        maxLength={2}
        size={3}
        pattern="[A-Z]{2}"
        title="two letters, such as FI"
        onChange={(event) => /^[A-Za-z]{0,2}$/.test(event.target.value) && onCountry(event.target.value.toUpperCase())}
      />
    </label>
  );
}

interface SendButtonsProps {
  judgement: Judgement;
  carrier: CarrierChoice | null;
  busy: "" | "creating" | "running";
  obstacle: string | null;
  isShort: boolean;
  onSend(runs: boolean): void;
}

function SendButtons({ judgement, carrier, busy, obstacle, isShort, onSend }: SendButtonsProps) {
  const { contacts, costMilli } = judgement;
  const words = carrier === null ? "Text nobody" : sendingWords(carrier, contacts, { isTestOnly: carrier.state === "test_only" });
  return (
    <>
      <p className="actions">
        <button
          type="button"
          className="primary large"
          disabled={obstacle !== null || isShort}
          aria-describedby={obstacle === null ? undefined : "obstacle"}
          onClick={() => onSend(true)}
        >
          {busy === "creating"
            ? "Sending the file ..."
            : busy === "running"
              ? "Reserving the credit ..."
              : `${words} for at most ${showCredits(creditsOf(BigInt(costMilli)))} credits`}
        </button>
        <button type="button" disabled={obstacle !== null} onClick={() => onSend(false)}>
          Create only, run later
        </button>
      </p>
      {obstacle !== null && obstacle !== "" && (
        <p id="obstacle" className="soft">
          {obstacle}
        </p>
      )}
    </>
  );
}

/** With the figures that salesapi has of test phones, once it has them. */
function judgementShown(judged: Judgement | null, quote: TestQuote | null): Judgement | null {
  if (judged === null || quote === null || quote.is === "asking") return judged;
  return quote.is === "quoted" ? quotedJudgement(judged, quote.quote) : (nobodyJudgement(judged, quote.error) ?? judged);
}

/** salesapi was asked, and its refusal is not that nobody can be texted. */
const isUnquoted = (judgement: Judgement, quote: TestQuote | null): boolean =>
  quote?.is === "refused" && nobodyJudgement(judgement, quote.error) === null;

const samplesOf = (quote: TestQuote | null) => (quote?.is === "quoted" ? quote.quote.samples : null);

interface Chosen {
  /** The judgement is of all that follows. */
  isCurrent: boolean;
  text: string;
  file: File | null;
  carriers: CarrierChoicesAnswer;
  carrier: CarrierChoice | null;
  sender: string;
}

/**
 * Why nothing can be sent yet, as a sentence; empty if the page shows it anyway; null if nothing
 * stands in the way.
 */
function obstacleBeforeQuote(judgement: Judgement | null, { isCurrent, text, file, carriers, carrier, sender }: Chosen): string | null {
  if (judgement === null) return "";
  if (judgement.question !== null) return "Answer the question about the file first.";
  if (judgement.problem !== null) return "";
  if (isBlank(text)) return "Write the text first: a reader would see nothing of it.";
  const ofCarrier = carrierObstacle(carriers, carrier, sender);
  if (ofCarrier !== null) return ofCarrier;
  if (file === sampleFile && carrier?.simulated === false)
    return `The five of the sample are made up, and their numbers may be somebody's: it is not sent through ${carrier.name}.`;
  if (!judgement.isDone) return "The file is still being read.";
  if (!isCurrent) return "";
  return judgement.contacts === 0 ? nobody : null;
}

/** The same, of a carrier that is only tested. */
function obstacleAfterQuote(judgement: Judgement | null, quote: TestQuote | null): string | null {
  if (quote === null) return null;
  if (quote.is === "asking") return "Looking which of them are test phones ...";
  if (judgement === null || isUnquoted(judgement, quote)) return "";
  return judgement.contacts === 0 ? nobody : null;
}

const nobody = "Nobody in this file can be texted; the reasons are above.";

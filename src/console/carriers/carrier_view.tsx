// One carrier: what it is, how its links are, and what can be done to it.
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { CarrierChange, InstalledCarrier } from "../../contracts/carriers.ts";
import { askSalesapi } from "../api/api.ts";
import { CarrierBadge } from "../look/carrier_badge.tsx";
import { Mark } from "../look/mark.tsx";
import { Trouble } from "../look/problem_view.tsx";
import { showCount, showList, showMoment, showSince } from "../look/words.ts";
import { useSession } from "../shell/session.ts";
import {
  accountWords,
  boundWords,
  carrierStateWords,
  destinationWords,
  doubtWords,
  limitWords,
  linkWords,
  proposalWords,
  reachWords,
  restWords,
  type Step,
  stepsOf,
  waitingWords,
} from "./carrier_words.ts";
import { TestPhones } from "./test_phones.tsx";

interface CarrierViewProps {
  carrier: InstalledCarrier;
  apiKey: string;
  onChanged(): void;
}

export function CarrierView({ carrier, apiKey, onChanged }: CarrierViewProps) {
  const { name, state, simulated } = carrier;
  const { isBusy, failed, change } = useChange(name, apiKey, onChanged);
  const { description, explanation, meaning } = carrierStateWords[state];
  return (
    <section className="carrier" aria-label={`carrier ${name}`}>
      <div className="head">
        <h2>{name}</h2>
        <CarrierBadge isReal={simulated !== true}>{reachWords(simulated).badge}</CarrierBadge>
        <p className="campaign-state" role="status">
          <Mark meaning={meaning} /> <strong>{description}</strong> <span className="soft">{explanation}</span>
        </p>
        <Steps carrier={carrier} isBusy={isBusy} onStep={(next) => void change({ state: next })} />
      </div>
      {failed !== null && <Trouble error={failed} />}
      <Facts carrier={carrier} />
      <TestPhones phones={carrier.test_phones} isBusy={isBusy} onChange={(phones) => void change({ test_phones: phones })} />
    </section>
  );
}

/** A change that is on its way, or was refused. */
function useChange(name: string, apiKey: string, onChanged: () => void) {
  const [isBusy, setIsBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const change = async (body: Partial<CarrierChange>) => {
    setIsBusy(true);
    setFailed(null);
    try {
      await askSalesapi<InstalledCarrier>(`/carriers/${encodeURIComponent(name)}`, { method: "POST", body, apiKey });
    } catch (error) {
      setFailed(error);
    }
    setIsBusy(false);
    onChanged();
  };
  return { isBusy, failed, change };
}

interface StepsProps {
  carrier: InstalledCarrier;
  isBusy: boolean;
  onStep(state: Step["state"]): void;
}

function Steps({ carrier, isBusy, onStep }: StepsProps) {
  const { default_country: ownCountry } = useSession();
  const [asked, setAsked] = useState<Step["state"] | null>(null);
  const steps = stepsOf(carrier, ownCountry);
  const step = steps.find(({ state, question }) => state === asked && question !== null);
  return (
    <>
      <div className="actions">
        {steps.map(({ state, word, question }) => (
          <button
            key={state}
            type="button"
            disabled={isBusy}
            aria-expanded={question === null ? undefined : asked === state}
            className={state === "removed" ? "danger" : undefined}
            onClick={() => (question === null ? onStep(state) : setAsked(asked === state ? null : state))}
          >
            {word}
          </button>
        ))}
      </div>
      {step?.question != null && (
        <Confirmation
          key={step.state}
          question={step.question}
          isDanger={step.state === "removed"}
          onAnswer={(isYes) => {
            setAsked(null);
            if (isYes) onStep(step.state);
          }}
        />
      )}
    </>
  );
}

interface ConfirmationProps {
  question: NonNullable<Step["question"]>;
  isDanger: boolean;
  onAnswer(isYes: boolean): void;
}

/** The safe answer has the focus, and Esc gives it. */
function Confirmation({ question: { title, consequences, yes }, isDanger, onAnswer }: ConfirmationProps) {
  const no = useRef<HTMLButtonElement>(null);
  useEffect(() => no.current?.focus(), []);
  return (
    <fieldset className="question confirmation" onKeyDown={(event) => event.key === "Escape" && onAnswer(false)}>
      <legend>
        <strong>{title}</strong>
      </legend>
      {consequences.map((consequence) => (
        <p key={consequence}>{consequence}</p>
      ))}
      <p className="actions">
        <button type="button" className={isDanger ? "danger" : "primary"} onClick={() => onAnswer(true)}>
          {yes}
        </button>
        <button type="button" ref={no} onClick={() => onAnswer(false)}>
          Leave it as it is
        </button>
      </p>
    </fieldset>
  );
}

function Facts({ carrier }: { carrier: InstalledCarrier }) {
  const { default_country: ownCountry } = useSession();
  const { settings, simulated, senders, in_doubt: inDoubt, receipts_waiting: waiting, last_error: error, last_error_at: errorAt } = carrier;
  const [rest, proposal] = [restWords(carrier), proposalWords(carrier)];
  return (
    <dl className="facts">
      <Fact name="account">{accountWords(settings)}</Fact>
      <Fact name="reaches">{reachWords(simulated).explanation}</Fact>
      <Fact name="links">
        <Links carrier={carrier} />
      </Fact>
      <Fact name="rate">
        {limitWords(settings)}
        {rest !== null && (
          <>
            <br />
            <Mark meaning="waiting" /> {rest}
          </>
        )}
      </Fact>
      <Fact name="in doubt">
        <strong className="live">{showCount(inDoubt)}</strong> <span className="soft">{doubtWords(inDoubt)}</span>
      </Fact>
      <Fact name="early receipts">
        <strong className="live">{showCount(waiting)}</strong> <span className="soft">{waitingWords(waiting)}</span>
        {proposal !== null && (
          <>
            <br />
            <Mark meaning="failed" /> {proposal.words} <code className="command">{proposal.command}</code>
          </>
        )}
      </Fact>
      <Fact name="senders">{senders.length === 0 ? "none yet" : showList(senders)}</Fact>
      <Fact name="destinations">{destinationWords(carrier, ownCountry)}</Fact>
      <Fact name="last error">
        {error === null ? (
          <span className="soft">none</span>
        ) : (
          <>
            <Mark meaning="failed" /> {error} {errorAt !== null && <span className="soft">{showMoment(errorAt)}</span>}
          </>
        )}
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Links({ carrier }: { carrier: InstalledCarrier }) {
  const isOpen = carrier.state !== "paused";
  return (
    <>
      <span className="live">{boundWords(carrier)}</span>
      {carrier.links.length === 0 && <span className="soft"> · {isOpen ? "no worker has opened one yet" : "closed"}</span>}
      <ul className="plain-list links">
        {carrier.links.map((link) => {
          const { words, meaning } = linkWords(link, isOpen);
          return (
            <li key={link.slot} className="live">
              <Mark meaning={meaning} /> <span className="soft">link {link.slot}</span> {words}{" "}
              <time className="soft" dateTime={link.changed_at} title={showMoment(link.changed_at)}>
                since {showSince(link.changed_at, Date.now())}
              </time>
            </li>
          );
        })}
      </ul>
    </>
  );
}

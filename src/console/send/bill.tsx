// The right column: the phone's view of three real rows, and the bill.
import { Fragment } from "react";
import type { PriceListAnswer } from "../../contracts/prices.ts";
import type { QuoteAnswer } from "../../contracts/quote.ts";
import { measureText } from "../../sms/parts.ts";
import { columnKey, compileTemplate } from "../../sms/template.ts";
import { countryName, creditsOf, milliOf, showCount, showCredits } from "../look/words.ts";
import type { Judgement } from "./judgement.ts";

interface BillProps {
  judgement: Judgement;
  text: string;
  sender: string;
  priceList: PriceListAnswer;
  credit: string | null;
  /** Texts as salesapi filled them; null: of the first rows. */
  samples: QuoteAnswer["samples"] | null;
}

export function Bill({ judgement, text, sender, priceList, credit, samples }: BillProps) {
  const cost = BigInt(judgement.costMilli);
  const left = credit === null ? null : milliOf(credit) - cost;
  return (
    <aside className="bill" aria-label="preview and bill">
      <h2>On the phone</h2>
      <Phones judgement={judgement} text={text} sender={sender} samples={samples} />
      <h2>The bill</h2>
      <dl>
        <dt>messages</dt>
        <dd>{showCount(judgement.contacts)}</dd>
        {judgement.countries.length > 1 &&
          judgement.countries.slice(0, countriesShown).map(({ country, contacts }) => (
            <Fragment key={country}>
              <dt className="soft">to {country === null ? "no single country" : countryName(country)}</dt>
              <dd className="soft">{showCount(contacts)}</dd>
            </Fragment>
          ))}
        {judgement.countries.length > countriesShown && (
          <>
            <dt className="soft">to other countries</dt>
            <dd className="soft">
              {showCount(judgement.countries.slice(countriesShown).reduce((sum, { contacts }) => sum + contacts, 0))}
            </dd>
          </>
        )}
        <dt>parts</dt>
        <dd>{showCount(judgement.parts)}</dd>
        <dt>a part costs</dt>
        <dd>{priceWords(priceList)}</dd>
        <dt>at most</dt>
        <dd className="figure">{showCredits(creditsOf(cost))}</dd>
        {credit !== null && left !== null && (
          <>
            <dt>credit now</dt>
            <dd>{showCredits(credit)}</dd>
            <dt>credit after</dt>
            <dd className={left < 0n ? "bad" : undefined}>{showCredits(creditsOf(left))}</dd>
          </>
        )}
      </dl>
      {left !== null && left < 0n && (
        <p className="bad">You are {showCredits(creditsOf(-left))} credits short: top up, or text fewer people.</p>
      )}
      <p className="soft">
        {showCredits(creditsOf(cost))} credits are reserved when you send. You pay only for messages that went out; the rest is returned
        when the campaign ends.
      </p>
    </aside>
  );
}

const countriesShown = 6;

function priceWords({ prices }: PriceListAnswer): string {
  const parts = prices.map(({ part }) => part).sort((one, other) => (milliOf(one) < milliOf(other) ? -1 : 1));
  const [lowest, highest] = [parts[0] as string, parts.at(-1) as string];
  return lowest === highest ? showCredits(lowest) : `${showCredits(lowest)} to ${showCredits(highest)}`;
}

function Phones({ judgement: { header, goodRows }, text, sender, samples }: Pick<BillProps, "judgement" | "text" | "sender" | "samples">) {
  const compiled = compileTemplate(text);
  if (text.trim() === "" || "problem" in compiled) return <p className="soft">Write the text to see it filled.</p>;
  const { template } = compiled;
  const keys = header.map(columnKey);
  const indexes = template.placeholders.map((name) => keys.indexOf(name));
  if (indexes.includes(-1)) return <p className="soft">The text uses a column that the file does not have.</p>;
  const texts =
    samples?.map((sample) => sample.text) ?? goodRows.map((cells) => template.fill(indexes.map((index) => (cells[index] ?? "").trim())));
  return (
    <ul className="phones">
      {texts.map((filled, row) => {
        const { parts, encoding } = measureText(filled);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: the first three rows, in their order
          <li key={row}>
            <span className="soft">{sender}</span>
            <p className="bubble">{filled}</p>
            <span className="soft">
              {parts === 1 ? "1 part" : `${parts} parts`} · {encoding === "gsm7" ? "GSM-7" : "UCS-2"}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

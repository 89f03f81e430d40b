// Creates the campaign that the page shows and runs it, bound by the figures that were shown.
import { useRef, useState } from "react";
import type { CreateAnswer } from "../../contracts/http.ts";
import { askSalesapi } from "../api/api.ts";
import { creditsOf } from "../look/words.ts";
import type { FileChoices, Judgement } from "./judgement.ts";
import { formOf, quoteChange } from "./send_request.ts";

export interface SendingFields {
  text: string;
  sender: string;
  country: string;
  choices: FileChoices;
}

/** @param navigate called with the campaign's page once it is created, or runs */
export function useSending({ text, sender, country, choices }: SendingFields, navigate: (path: string) => void) {
  const [busy, setBusy] = useState<"" | "creating" | "running">("");
  const [failed, setFailed] = useState<unknown>(null);
  /** Sending the same file and words again gives the same campaign. */
  const key = useRef<{ of: string; value: string }>({ of: "", value: "" });
  const send = async (chosen: File, judged: Judgement, runs: boolean) => {
    setFailed(null);
    setBusy("creating");
    try {
      const created = await create(chosen, judged);
      // the button that was pressed does not name a real carrier: the campaign's page does
      if (runs && created.carrier?.simulated !== false) {
        setBusy("running");
        await run(created, judged);
      }
      navigate(`/campaigns/${created.id}`);
    } catch (error) {
      setFailed(error);
      setBusy("");
    }
  };
  const create = (chosen: File, judged: Judgement): Promise<CreateAnswer> => {
    const { form, fields } = formOf(chosen, judged, { text, sender, country, choices });
    const of = JSON.stringify([fields, chosen.name, chosen.size, chosen.lastModified]);
    if (key.current.of !== of) key.current = { of, value: crypto.randomUUID() };
    return askSalesapi<CreateAnswer>("/create", { method: "POST", body: form, idempotencyKey: key.current.value });
  };
  /**
   * Bound by what the page shows. A campaign that turned out larger is dropped, and never mistaken
   * for this one again.
   */
  const run = async ({ id }: CreateAnswer, { contacts, parts, costMilli }: Judgement): Promise<void> => {
    const agreed = { contacts, parts, cost_max: creditsOf(BigInt(costMilli)) };
    try {
      await askSalesapi("/run", { method: "POST", body: { bulksms_id: id, expect: agreed } });
    } catch (error) {
      const change = quoteChange(error, agreed);
      if (change === null) throw error;
      key.current = { of: "", value: "" };
      await askSalesapi("/cancel", { method: "POST", body: { bulksms_id: id } });
      throw change;
    }
  };

  return { busy, failed, setFailed, send };
}

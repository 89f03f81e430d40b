// Creates the campaign that the page shows and runs it, bound by the carrier and the figures that
// were shown.
import { useRef, useState } from "react";
import type { CarrierAnswer } from "../../contracts/carriers.ts";
import type { CreateAnswer } from "../../contracts/http.ts";
import { askSalesapi, type Problem } from "../api/api.ts";
import { creditsOf } from "../look/words.ts";
import type { Judgement } from "./judgement.ts";
import { type Asked, carrierChange, formOf, quoteChange } from "./send_request.ts";

/** @param navigate called with the campaign's page once it is created, or runs */
export function useSending(asked: Asked, navigate: (path: string) => void) {
  const [busy, setBusy] = useState<"" | "creating" | "running">("");
  const [failed, setFailed] = useState<unknown>(null);
  /** Sending the same file and words again gives the same campaign. */
  const key = useRef<{ of: string; value: string }>({ of: "", value: "" });
  const send = async (chosen: File, judged: Judgement, carrier: CarrierAnswer, runs: boolean) => {
    setFailed(null);
    setBusy("creating");
    try {
      const created = await create(chosen, judged);
      const change = carrierChange(created.carrier, carrier);
      if (change !== null) await drop(created.id, change);
      if (runs) {
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
    const { form, fields } = formOf(chosen, judged, asked);
    const of = JSON.stringify([fields, chosen.name, chosen.size, chosen.lastModified]);
    if (key.current.of !== of) key.current = { of, value: crypto.randomUUID() };
    return askSalesapi<CreateAnswer>("/create", { method: "POST", body: form, idempotencyKey: key.current.value });
  };
  /**
   * A campaign that turned out other than what was shown is canceled, and never mistaken for this
   * one again. @throws Problem always
   */
  const drop = async (id: string, change: Problem): Promise<never> => {
    key.current = { of: "", value: "" };
    await askSalesapi("/cancel", { method: "POST", body: { bulksms_id: id } });
    throw change;
  };
  /** Bound by what the page shows. */
  const run = async ({ id, carrier }: CreateAnswer, { contacts, parts, costMilli }: Judgement): Promise<void> => {
    const agreed = { contacts, parts, cost_max: creditsOf(BigInt(costMilli)) };
    try {
      await askSalesapi("/run", { method: "POST", body: { bulksms_id: id, expect: { ...agreed, carrier } } });
    } catch (error) {
      const change = quoteChange(error, agreed);
      if (change === null) throw error;
      await drop(id, change);
    }
  };

  return { busy, failed, setFailed, send };
}

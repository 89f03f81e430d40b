// A delivery receipt as it is kept: its text, and the parameters that say more. Written when it
// comes, and read again when its id turns out to need another rule.
import { readReceiptText } from "./receipt_text.ts";

const idParameter = "receipted_message_id=";

/** @param id, state of its parameters; null without them */
export function rawReceiptOf(text: string, { id, state }: { id: string | null; state: number | null }): string {
  const parameters = [...(id === null ? [] : [`${idParameter}${id}`]), ...(state === null ? [] : [`message_state=${state}`])];
  return [text, ...parameters].join(" ").trim();
}

/** The id as it came: the parameter counts more than the text. "": it has none. */
export function idOfRawReceipt(raw: string): string {
  const at = raw.lastIndexOf(idParameter);
  const parameter = at === -1 ? "" : raw.slice(at + idParameter.length).replace(/ message_state=\d+$/, "");
  return parameter || readReceiptText(raw)?.id || "";
}

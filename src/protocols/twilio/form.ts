// Forms as Twilio's API takes them and its webhooks send them: application/x-www-form-urlencoded in
// UTF-8, in which a name may stand several times.

/** Names and values in the order in which they came. */
export type FormFields = readonly (readonly [name: string, value: string])[];

export const formType = "application/x-www-form-urlencoded";

/** Text that is not UTF-8 has U+FFFD in its place, as everywhere on the web. */
export function parseForm(body: string): FormFields {
  return [...new URLSearchParams(body)];
}

export function formatForm(fields: FormFields): string {
  return new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value])).toString();
}

/** The first value of the name; undefined if it does not stand there. */
export function fieldOf(fields: FormFields, name: string): string | undefined {
  return fields.find(([other]) => other === name)?.[1];
}

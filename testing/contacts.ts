// A contact list of any size, for scenarios larger than the list of numbers whose ends are known
// (cluster/campaigns.ts).

/** Finnish mobile numbers, all different; how each ends is up to the carrier's profile and seed. */
export function csvOfMany(contacts: number): string {
  const rows = ["first_name,phone"];
  for (let index = 0; index < contacts; index += 1) rows.push(`Student ${index + 1},+35840${1_000_000 + index}`);
  return `${rows.join("\n")}\n`;
}

// The country of a mobile number, as libphonenumber's metadata has it, fast enough for every row of
// a file. Pure. Called by the quote, which counts contacts and cost by country.
import { countriesOf, planOf } from "./number_plans.ts";

interface Candidate {
  country: string;
  /** Prefixes of the country's numbers; null: they are identified by their whole form. */
  leading: RegExp | null;
  mobile: RegExp | null;
}

const candidatesByCode = new Map<number, readonly Candidate[]>();

function candidatesOf(callingCode: number): readonly Candidate[] {
  const known = candidatesByCode.get(callingCode);
  if (known !== undefined) return known;
  const candidates = countriesOf(callingCode).map((country): Candidate => {
    const plan = planOf(country);
    const leading = plan.leadingDigits();
    const mobile = plan.type("MOBILE")?.pattern();
    return {
      country,
      leading: leading ? new RegExp(`^(?:${leading})`) : null,
      mobile: mobile ? new RegExp(`^(?:${mobile})$`) : null,
    };
  });
  candidatesByCode.set(callingCode, candidates);
  return candidates;
}

/**
 * ISO 3166 letters for the digits of E.164; null for a number of no single country (satellites, or
 * none that is known).
 */
export function countryOf(msisdn: number): string | null {
  const digits = String(msisdn);
  for (let length = 1; length <= 3; length++) {
    const candidates = candidatesOf(Number(digits.slice(0, length)));
    if (candidates.length === 0) continue;
    if (candidates.length === 1) return (candidates[0] as Candidate).country;
    const national = digits.slice(length);
    const found = candidates.find(({ leading, mobile }) => (leading ?? mobile)?.test(national));
    return found?.country ?? null;
  }
  return null;
}

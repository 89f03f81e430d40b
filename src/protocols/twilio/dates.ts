// Dates as Twilio's API writes them: RFC 2822 in UTC, to the second.

/** `Thu, 24 Aug 2023 05:01:45 +0000` */
export function formatTwilioDate(timeMs: number): string {
  return new Date(timeMs).toUTCString().replace("GMT", "+0000");
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const form = /^(?:[A-Z][a-z]{2}, )?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})$/;

/** ms since 1970; null if the text is not such a date. */
export function parseTwilioDate(text: string): number | null {
  const match = form.exec(text);
  if (match === null) return null;
  const [day, year, hour, minute, second, zoneHour, zoneMinute] = [1, 3, 4, 5, 6, 8, 9].map((at) => Number(match[at])) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const month = months.indexOf(match[2] as string);
  const timeMs = Date.UTC(year, month, day, hour, minute, second);
  const date = new Date(timeMs);
  // no 31st of February, no hour 24
  if (month === -1 || date.getUTCDate() !== day || date.getUTCHours() !== hour || minute > 59 || second > 59) return null;
  const zoneMs = (zoneHour * 60 + zoneMinute) * 60_000;
  return match[7] === "+" ? timeMs - zoneMs : timeMs + zoneMs;
}

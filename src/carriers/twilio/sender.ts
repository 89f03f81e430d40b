// How a sender of ours stands in Twilio's `From`.

/** Numbers of 7 digits and more are phone numbers, shorter ones short codes; words stay words. */
export function senderOf(sender: string): string {
  return /^\d{7,15}$/.test(sender) ? `+${sender}` : sender;
}

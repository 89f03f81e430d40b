// GET and PUT /weather: the simulator's receipt weather, for the lab and for whoever tests how an
// application takes receipts.
import { simulatorWeather, weatherAnswer } from "../../contracts/simulator_weather.ts";
import type { HttpServer } from "../../platform/http.ts";
import type { Simulator } from "../simulator.ts";

const description = `What the simulator does to its own receipts, to show how their receiver takes it. Every kind is a share (0 to 1) with options; a kind that
is left out does not happen, and \`{}\` is clear weather. It takes effect at once, for receipts that are told from then on, and outlives a restart.

| kind | what happens | what a good receiver does |
|---|---|---|
| \`doubled\` | a receipt is sent 2 to 5 times, with the same \`id\` | nothing new the second time |
| \`reordered\` | sent up to \`within_ms\` late, so that others overtake it | ends in the same state in whatever order |
| \`lost\` | never sent | does not wait forever: a deadline |
| \`early\` | the first receipt comes before the answer to its submit | knows the message already |
| \`late\` | told \`after_ms\` after the deadline and the receipt horizon | keeps it aside; changes no end |
| \`forged\` | beside a true one, another end: wrong secret, other body, ten days old, or unsigned | 401, no effect |
| \`malformed\` | beside a true one, well signed: unknown status word, unknown reference, wrong type, a contradiction after the end (2xx, quarantined), broken JSON (400) | as said; no effect on any message |
| \`replayed\` | a body that was answered 2xx comes again, with its old signature | 2xx, nothing new |
| \`burst\` | all receipts are held back for \`hold_ms\`, then come at \`factor\` times their rate | keeps up, or says 429 or 503 |

\`accounts\` names accounts (\`smpp:<system_id>\`, \`twilio:<AccountSid>\`), each with the weather of its own protocol: \`cut_before_answer\`,
\`no_answer\`, \`late_answer\`, \`throttled\`, \`early\` and \`wrong_bind\` by their share, \`hex_ids\`, \`no_sub_dlvrd\` and \`tlv_only\` as \`true\`.

Which receipts are meant depends on the simulator's seed and the message's reference alone: the same campaign meets the same weather.`;

export function addWeatherRoutes(app: HttpServer, simulator: Simulator, onRequest: (request: KeyedRequest) => Promise<void>): void {
  app.get(
    "/weather",
    {
      onRequest,
      schema: { tags: ["weather"], summary: "The receipt weather, and what it has done so far", response: { 200: weatherAnswer } },
    },
    async () => simulator.weather(),
  );
  app.put(
    "/weather",
    {
      onRequest,
      schema: {
        tags: ["weather"],
        summary: "Set the receipt weather",
        description: description,
        body: simulatorWeather,
        response: { 200: weatherAnswer },
      },
    },
    async ({ body }) => {
      await simulator.setWeather(body);
      return simulator.weather();
    },
  );
}

export interface KeyedRequest {
  headers: { authorization?: string | undefined };
}

// What can be done to the chosen node or edge, as buttons: only those that make sense in its state can be pressed.

import { edges } from "../../../../src/console/system/topology.ts";
import type {
  LabCommand,
  LabLinkMode,
  LabNodeDeed,
  LabNodeName,
  LabNodeState,
  LabState,
  LabWeather,
} from "../../../../src/contracts/lab_console.ts";
import { processNames } from "../../../../src/contracts/processes.ts";

interface DeedsProps {
  state: LabState;
  give: (command: LabCommand) => void;
}

interface Deed {
  deed: LabNodeDeed;
  says: string;
  isMending: boolean;
  when: readonly LabNodeState[];
}

const deeds: readonly Deed[] = [
  { deed: "kill", says: "Kill (-9)", isMending: false, when: ["up", "starting", "frozen"] },
  { deed: "freeze", says: "Freeze", isMending: false, when: ["up"] },
  { deed: "continue", says: "Let it go on", isMending: true, when: ["frozen"] },
  { deed: "restart", says: "Restart well", isMending: false, when: ["up", "frozen"] },
  { deed: "hold_down", says: "Kill and hold down", isMending: false, when: ["up", "starting"] },
  { deed: "bring_back", says: "Bring it back", isMending: true, when: ["held_down"] },
];

export function NodeDeeds({ node, state, give }: DeedsProps & { node: LabNodeName }) {
  const isProcess = (processNames as readonly string[]).includes(node);
  const offered = deeds.filter(({ deed }) => isProcess || deed !== "restart");
  return (
    <>
      <div className="deeds">
        {offered.map(({ deed, says, isMending, when }) => {
          const isPossible = when.includes(state.nodes[node]);
          return (
            <button
              key={deed}
              type="button"
              className={isMending ? (isPossible ? "primary" : "") : "danger"}
              disabled={!isPossible}
              onClick={() => give({ do: "node", node, deed })}
            >
              {says}
            </button>
          );
        })}
      </div>
      {node === "simulator" && <WeatherDeeds state={state} give={give} />}
    </>
  );
}

const modes: readonly { mode: LabLinkMode; says: string; means: string }[] = [
  { mode: "pass", says: "Whole", means: "everything passes" },
  { mode: "reset", says: "Cut", means: "every connection is reset" },
  { mode: "blackhole", says: "Black hole", means: "bytes vanish, nobody is told" },
  { mode: "drop_replies", says: "Lose replies", means: "what is asked is done, the answers vanish" },
  { mode: "delay", says: "Delay", means: "2.5 s each way" },
  { mode: "slow", says: "Slow", means: "2,000 bytes a second" },
];

export function EdgeDeeds({ edgeId, state, give }: DeedsProps & { edgeId: string }) {
  const edge = edges.find((one) => one.id === edgeId);
  const links = state.links.filter((link) => edge?.links.includes(link.name));
  return (
    <section className="node-panel" aria-label="about the chosen link">
      {links.map((link) => (
        <div key={link.name}>
          <header>
            <h2>{link.name.split("-").join(" → ")}</h2>
            <p className="soft">
              {modes.find(({ mode }) => mode === link.mode)?.means}
              {link.mode !== "pass" && `: ${link.touches} connections felt it`}
            </p>
          </header>
          <div className="deeds">
            {modes.map(({ mode, says }) => (
              <button
                key={mode}
                type="button"
                aria-pressed={link.mode === mode}
                onClick={() => give({ do: "link", link: link.name, mode })}
              >
                {says}
              </button>
            ))}
          </div>
        </div>
      ))}
    </section>
  );
}

const weathers: readonly { weather: LabWeather; says: string }[] = [
  { weather: "clear", says: "Clear" },
  { weather: "doubled", says: "Doubled ×5" },
  { weather: "reordered", says: "Out of order" },
  { weather: "lost", says: "A third lost" },
  { weather: "forged", says: "Forged" },
  { weather: "malformed", says: "Malformed" },
  { weather: "replayed", says: "Replayed" },
  { weather: "burst", says: "In bursts" },
  { weather: "storm", says: "Storm" },
];

function WeatherDeeds({ state, give }: DeedsProps) {
  return (
    <fieldset className="weather">
      <legend>receipt weather</legend>
      <div className="deeds">
        {weathers.map(({ weather, says }) => (
          <button key={weather} type="button" aria-pressed={state.weather === weather} onClick={() => give({ do: "weather", weather })}>
            {says}
          </button>
        ))}
      </div>
    </fieldset>
  );
}

// The carriers of the installation: whom each reaches, its links and limits, what is in doubt, and
// the steps from tested to live and back. Asked for again while the page is open.
import { useEffect, useState } from "react";
import type { CarriersAnswer } from "../../contracts/carriers.ts";
import { useAnswer } from "../api/use_answer.ts";
import { Trouble } from "../look/problem_view.tsx";
import { CarrierView } from "./carrier_view.tsx";
import { isKeyRefused, KeyForm, useInstallationKey } from "./installation_key.tsx";

const askAgainMs = 2_000;

export default function CarriersPage() {
  const { key, setKey } = useInstallationKey();
  const [refused, setRefused] = useState<unknown>(null);
  return (
    <>
      <div className="head">
        <h1>Carriers</h1>
        {key !== null && (
          <p className="actions">
            <button type="button" onClick={() => setKey(null)}>
              Forget the key
            </button>
          </p>
        )}
      </div>
      {key === null ? (
        <KeyForm refused={refused} />
      ) : (
        <Carriers
          apiKey={key}
          onRefused={(error) => {
            setRefused(error);
            setKey(null);
          }}
        />
      )}
    </>
  );
}

function Carriers({ apiKey, onRefused }: { apiKey: string; onRefused: (error: unknown) => void }) {
  const [beat, setBeat] = useState(0);
  const { answer, error, again } = useAnswer<CarriersAnswer>("salesapi", "/carriers", beat, apiKey);
  useEffect(() => {
    const timer = window.setInterval(() => setBeat((before) => before + 1), askAgainMs);
    return () => window.clearInterval(timer);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the error alone decides
  useEffect(() => {
    if (isKeyRefused(error)) onRefused(error);
  }, [error]);
  if (answer === null) return error === null ? <p className="soft">One moment ...</p> : <Trouble error={error} again={again} />;
  return (
    <div className={error === null ? undefined : "shell-stale"}>
      {error !== null && <Trouble error={error} again={again} />}
      {answer.carriers.length === 0 ? (
        <section className="empty">
          <p>There is no carrier yet: every campaign goes to the simulator, and no phone is reached.</p>
          <p className="soft">
            An account that an operator gave you is added on the command line, which asks for its password:
            <code className="command">npx bulksms carriers add smpp telia --host smpp.example --port 2775 --system-id oulu</code>
          </p>
        </section>
      ) : (
        answer.carriers.map((carrier) => <CarrierView key={carrier.name} carrier={carrier} apiKey={apiKey} onChanged={again} />)
      )}
    </div>
  );
}

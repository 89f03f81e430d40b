// Real or simulated, beside whatever is sent: always a word, never a colour alone.
import type { ReactNode } from "react";
import { builtInCarrier, type CarrierAnswer } from "../../contracts/carriers.ts";

export function CarrierBadge({ isReal, children }: { isReal: boolean; children: ReactNode }) {
  return <span className={isReal ? "badge badge-real" : "badge"}>{children}</span>;
}

/** Of a campaign: `telia`, or `simulated`, with the carrier's name if it has one of its own. */
export function CampaignCarrier({ carrier: { name, simulated } }: { carrier: CarrierAnswer }) {
  return (
    <span className="campaign-carrier">
      {name !== builtInCarrier && <span>through {name} </span>}
      {simulated && <CarrierBadge isReal={false}>simulated</CarrierBadge>}
    </span>
  );
}

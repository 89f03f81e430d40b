// The key of the installation, which the page of carriers asks for. A session is not enough there:
// a sign-in link may be given to anybody who works in one workspace, while a carrier texts for all
// of them. It is held in this page's memory alone, never in storage or a cookie, and is gone with
// a reload, a sign-out, or by "Forget the key".
import { createContext, type FormEvent, type ReactNode, useContext, useMemo, useState } from "react";
import type { CarriersAnswer } from "../../contracts/carriers.ts";
import { askSalesapi, Problem } from "../api/api.ts";
import { Trouble } from "../look/problem_view.tsx";

interface InstallationKey {
  key: string | null;
  setKey(key: string | null): void;
}

const KeyContext = createContext<InstallationKey | null>(null);

/** Stands inside of the session, so that its end is the key's. */
export function InstallationKeyProvider({ children }: { children: ReactNode }) {
  const [key, setKey] = useState<string | null>(null);
  const held = useMemo(() => ({ key, setKey }), [key]);
  return <KeyContext value={held}>{children}</KeyContext>;
}

export function useInstallationKey(): InstallationKey {
  const held = useContext(KeyContext);
  if (held === null) throw new Error("nobody holds the key");
  return held;
}

/** Whether the key itself was refused. */
export const isKeyRefused = (error: unknown): boolean => error instanceof Problem && (error.status === 401 || error.status === 403);

/** Asks for the key, and takes it only when it opens the carriers. */
export function KeyForm({ refused }: { refused: unknown }) {
  const { setKey } = useInstallationKey();
  const [failed, setFailed] = useState<unknown>(refused);
  const [isBusy, setIsBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const apiKey = String(new FormData(event.currentTarget).get("installation_key")).trim();
    setIsBusy(true);
    try {
      await askSalesapi<CarriersAnswer>("/carriers", { apiKey });
      setKey(apiKey);
    } catch (error) {
      setFailed(error);
      setIsBusy(false);
    }
  };
  return (
    <form className="key-form" onSubmit={submit}>
      <p>
        A carrier belongs to the whole installation and texts for every workspace, so being signed in to one is not enough: this page asks
        for the key of the installation.
      </p>
      {failed !== null && <Trouble error={failed} />}
      <label>
        Key of the installation
        <input name="installation_key" type="password" autoComplete="off" required maxLength={200} />
      </label>
      <p className="soft">
        It is <code>BULKSMS_ADMIN_KEY</code>; <code>bulksms up</code> keeps it in <code>settings.env</code> of its data folder. This tab
        remembers it until you reload, sign out, or press "Forget the key"; it is stored nowhere.
      </p>
      <button type="submit" className="primary" disabled={isBusy}>
        Show the carriers
      </button>
    </form>
  );
}

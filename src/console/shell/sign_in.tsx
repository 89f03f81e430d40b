// Sign-in for visitors without a cookie: how to get a link, or an API key.
import { type FormEvent, useState } from "react";
import type { SessionRequest } from "../../contracts/console.ts";
import { Trouble } from "../look/problem_view.tsx";

export function SignIn({ error, signIn }: { error: unknown; signIn: (request: SessionRequest) => Promise<void> }) {
  const [failed, setFailed] = useState<unknown>(error);
  const [isBusy, setIsBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const workspaceId = String(form.get("workspace_id") ?? "").trim();
    setIsBusy(true);
    try {
      await signIn({ api_key: String(form.get("api_key")).trim(), ...(workspaceId === "" ? {} : { workspace_id: workspaceId }) });
    } catch (problem) {
      setFailed(problem);
      setIsBusy(false);
    }
  };
  return (
    <main className="sign-in">
      <p className="brand">bulksms</p>
      <h1>Who are you?</h1>
      {failed !== null && <Trouble error={failed} />}
      <p>
        On the machine that it runs on, this prints a link that signs you in, once:
        <code className="command">npx bulksms console</code>
      </p>
      <form onSubmit={submit}>
        <p className="soft">Elsewhere, sign in with an API key.</p>
        <label>
          API key
          <input name="api_key" type="password" autoComplete="off" required maxLength={200} />
        </label>
        <label>
          Workspace id <span className="soft">(only with an installation-wide key)</span>
          <input
            name="workspace_id"
            autoComplete="off"
            pattern="[0-9a-fA-F-]{36}"
            title="an id such as 0198c9a0-0000-7000-8000-000000000001"
          />
        </label>
        <button type="submit" className="primary" disabled={isBusy}>
          Sign in
        </button>
      </form>
    </main>
  );
}

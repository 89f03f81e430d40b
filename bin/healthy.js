// Exit code 0 when the process behind a port of this container is alive: `node bin/healthy.js 8000`. The health check of compose.yaml.
const answer = await fetch(`http://127.0.0.1:${process.argv[2]}/health`, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
process.exit(answer?.ok ? 0 : 1);

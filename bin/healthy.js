// Exit code 0 when the process behind a port of this container is alive: `node bin/healthy.js
// 8000`, the health check of compose.yaml. With a path it asks for more: `node bin/healthy.js 8000
// /ready`.
const [, , port, path = "/health"] = process.argv;
const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(8_000) }).catch(() => null);
process.exit(answer?.ok ? 0 : 1);

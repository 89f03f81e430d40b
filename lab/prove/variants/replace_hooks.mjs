// Node's module hooks for replace_module.mjs. The replacement itself sees the real module, and
// everything it imports from src resolves to dist, as in the process: two copies of a module would
// mean two classes and two sets of counters.
let data;

export function initialize(given) {
  data = given;
}

export async function resolve(specifier, context, nextResolve) {
  const resolved = await nextResolve(specifier, context);
  const isOfReplacement = context.parentURL?.split("?")[0] === data.replacement;
  if (isOfReplacement && resolved.url.startsWith(data.source)) {
    const url = `${data.compiled}${resolved.url.slice(data.source.length).split("?")[0].replace(/\.ts$/, ".js")}`;
    return { url, format: "module", shortCircuit: true };
  }
  if (!isOfReplacement && resolved.url.split("?")[0] === data.replaces) return nextResolve(data.replacement, context);
  return resolved;
}

// Preloaded into a process (NODE_OPTIONS=--import) that runs with one module replaced. LAB_REPLACES
// is the compiled module, LAB_REPLACEMENT its replacement, LAB_COMPILED and LAB_SOURCE the folders
// dist and src, all as file URLs.
import { register } from "node:module";

const { LAB_REPLACES: replaces, LAB_REPLACEMENT: replacement, LAB_SOURCE: source, LAB_COMPILED: compiled } = process.env;
register("./replace_hooks.mjs", import.meta.url, { data: { replaces, replacement, source, compiled } });

#!/usr/bin/env node
// Makes a module of the project in the current folder: its code and packages in one file, then a component around it.
//
//     node node_modules/wasmill/build.mjs [--out FILE] [--entry FILE] [--modules DIR]

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { original } from "./src/stack.js";

const ENTRIES = ["src/plugin.ts", "src/plugin.js"];
const sdk = dirname(fileURLToPath(import.meta.url));

function stop(message) {
  console.error(`error: ${message}`);
  process.exit(1);
}

const { values: options } = parseArgs({ options: { out: { type: "string" }, entry: { type: "string" }, modules: { type: "string" }, wit: { type: "string" } } });
const project = process.cwd();
if (!existsSync("package.json")) stop(`no package.json in ${project}`);
const about = JSON.parse(readFileSync("package.json", "utf8"));
const entry = options.entry ?? ENTRIES.find((file) => existsSync(file));
if (entry === undefined || !existsSync(entry)) stop(`no ${options.entry ?? ENTRIES.join(" and no ")} in ${project}`);
const out = resolve(options.out ?? `${about.name}.wasm`);
const wit = [options.wit, join(sdk, "..", "wit"), join(sdk, "..", "..", "wit")].find((folder) => folder && existsSync(folder));
if (wit === undefined) stop(`the contract is not beside ${sdk}`);

// The tools are the project's: pinned in its package.json.
const require = createRequire(options.modules ? resolve(options.modules, "_") : resolve("package.json"));
const tool = async (name) => {
  try {
    return await import(pathToFileURL(require.resolve(name)));
  } catch (error) {
    return stop(`${name} is not installed (${error.message.split("\n")[0]}): run \`npm install\` in ${project}`);
  }
};
const esbuild = await tool("esbuild");
const { componentize } = (await tool("componentize-qjs")).default;

const start = `
import "wasmill";
import plugin from ${JSON.stringify(`./${relative(project, resolve(entry))}`)};
if (typeof plugin?.batchProcessor !== "object") throw new TypeError(${JSON.stringify(`${entry} must have \`export default plugin({ … })\``)});
export const { lifecycle, batchProcessor } = plugin;
`;
const bundle = await esbuild
  .build({
    stdin: { contents: start, resolveDir: project, sourcefile: "wasmill-start.js" },
    alias: { wasmill: join(sdk, "src", "index.js") },
    bundle: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["import", "module", "default"],
    target: "es2024",
    external: ["wasmill:*"],
    outfile: join(project, "plugin.bundle.js"),
    sourcemap: "external",
    sourcesContent: false,
    write: false,
    logLevel: "warning",
    loader: { ".txt": "text", ".json": "json" },
    nodePaths: options.modules ? [resolve(options.modules, "node_modules")] : [],
  })
  .catch(() => process.exit(1));

const text = (end) => bundle.outputFiles.find((file) => file.path.endsWith(end)).text;
const map = JSON.parse(text(".map"));
const { name, version, description } = about;
// Behind the code, so that its lines stay where the map says. Both are read long after.
const sourceMap = { sources: map.sources.map(short), mappings: map.mappings };
const source = `${text("plugin.bundle.js")}
globalThis.__wasmillPackage = ${JSON.stringify({ name, version, description })};
globalThis.__wasmillSourceMap = ${JSON.stringify(sourceMap)};
`;

/** The SDK's own files by a name that `stack.js` knows. */
function short(file) {
  const path = resolve(project, file);
  return path.startsWith(sdk) ? `wasmill/${relative(sdk, path)}` : relative(project, path);
}

mkdirSync(dirname(out), { recursive: true });
const scratch = mkdtempSync(join(tmpdir(), "wasmill-"));
try {
  const file = join(scratch, "plugin.bundle.js");
  writeFileSync(file, source);
  const { component } = await componentize({ witPath: wit, jsSource: source, jsPath: file, moduleRoot: scratch, world: "batch-plugin", sync: true });
  writeFileSync(out, component);
} catch (error) {
  globalThis.__wasmillSourceMap = sourceMap;
  console.error(`error: ${entry} cannot be started: ${original(error.message.replace(/^.*Failed to [^:]*: /s, ""))}`);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

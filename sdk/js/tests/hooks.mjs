// Has Node.js find the host's functions, which a module imports by their names in the contract.

export function resolve(specifier, context, next) {
  return specifier.startsWith("wasmill:") ? { url: new URL("./host.mjs", import.meta.url).href, shortCircuit: true } : next(specifier, context);
}

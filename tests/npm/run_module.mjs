// Runs the body of an async function with a module of ours in scope: [path of the module, body, argument] in JSON
// on stdin, what the body returns in JSON on stdout. Bytes are in base64.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [path, body, argument] = JSON.parse(readFileSync(0, "utf8"));
const module = await import(pathToFileURL(path).href);
const AsyncFunction = (async () => {}).constructor;
const result = await new AsyncFunction("module", "argument", body)(module, argument);
process.stdout.write(JSON.stringify(result));

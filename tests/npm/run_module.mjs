// Runs the body of an async function with a module of ours in scope: [source of the module, body, argument] in JSON
// on stdin, what the body returns in JSON on stdout. Bytes are in base64.
import { readFileSync } from "node:fs";

const [source, body, argument] = JSON.parse(readFileSync(0, "utf8"));
const module = await import(`data:text/javascript;base64,${Buffer.from(source).toString("base64")}`);
const AsyncFunction = (async () => {}).constructor;
const result = await new AsyncFunction("module", "argument", body)(module, argument);
process.stdout.write(JSON.stringify(result));

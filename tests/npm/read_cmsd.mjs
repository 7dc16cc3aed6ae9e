// Reads [{static, dynamic}] from stdin, the values of CMSD headers; writes what the SVTA's library
// makes of each, and how it would have written that: {static, dynamic, rewritten: {static, dynamic}}.
import { readFileSync } from "node:fs";
import {
  decodeCmsdDynamic,
  decodeCmsdStatic,
  encodeCmsdDynamic,
  encodeCmsdStatic,
} from "@svta/cml-cmsd";

function read(headers) {
  const objects = decodeCmsdStatic(headers.static);
  const hops = decodeCmsdDynamic(headers.dynamic);
  return {
    static: objects,
    dynamic: hops.map(({ value, params }) => ({ value, params })),
    rewritten: { static: encodeCmsdStatic(objects), dynamic: encodeCmsdDynamic(hops) },
  };
}

const answers = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(answers.map(read)));

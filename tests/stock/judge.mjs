// Asks the JavaScript of docs/verify.md about mandates.
//
//     node judge.mjs VERIFY_MJS
//
// Reads cases from stdin, a JSON object a line. Answers each with a line: `ok <jti>`, or `refused <why>`.

import { argv, stdin } from "node:process";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { verify } = await import(pathToFileURL(argv[2]));

async function judge({ token, typ, request, ...expected }) {
  const { content_type: contentType, body, ...line } = request;
  const call = { ...line, contentType, body: Buffer.from(body) };
  try {
    return `ok ${(await verify(token, typ, { ...expected, request: call })).jti}`;
  } catch (error) {
    // The page: whatever it throws is a refusal.
    return `refused ${error.message.replace(/\s+/g, " ")}`;
  }
}

for await (const line of createInterface({ input: stdin })) console.log(await judge(JSON.parse(line)));

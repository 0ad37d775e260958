// How a merchant checks a mandate offline in Node, with the package jose.
//
// Reads cases from stdin, a JSON object a line with `token`, the principal's public `jwk`, and the expected `typ`,
// `iss` and `aud`. Answers each with a line: `ok <jti>`, or `refused <code>`.
//
// A mandate is used once. What a library cannot know is whether this one was used before.

import { stdin } from "node:process";
import { createInterface } from "node:readline";
import { errors, importJWK, jwtVerify } from "jose";

const SKEW_S = 30;

async function verify({ token, jwk, typ, iss, aud }) {
  const { payload } = await jwtVerify(token, await importJWK(jwk, "EdDSA"), {
    algorithms: ["EdDSA"],
    typ,
    issuer: iss,
    audience: aud,
    clockTolerance: SKEW_S,
    requiredClaims: ["iss", "aud", "jti", "iat", "exp"],
  });
  return payload;
}

for await (const line of createInterface({ input: stdin })) {
  try {
    console.log("ok", (await verify(JSON.parse(line))).jti);
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    console.log("refused", error.code);
  }
}

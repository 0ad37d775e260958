// Judges tests/vectors/jws_eddsa.json with jose, as a plain JWT library does.
//
//     node jws.mjs FILE PACKAGES
//
// PACKAGES is the folder whose node_modules has jose. A case is a JWT under the one key of its group, which is found by
// its kid, on the day that the file's header names. Answers each case with a line: `ID accepted`, or `ID refused ERROR`.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { argv } from "node:process";
import { pathToFileURL } from "node:url";

const [file, packages] = argv.slice(2);
const require = createRequire(`${packages}/`);
const { createLocalJWKSet, jwtVerify } = await import(pathToFileURL(require.resolve("jose")));

const options = { algorithms: ["EdDSA", "Ed25519"], currentDate: new Date("2026-01-01T00:00:30Z") };
for (const { public: key, tests } of JSON.parse(readFileSync(file, "utf8")).testGroups) {
  const keys = createLocalJWKSet({ keys: [key] });
  for (const { tcId, jws } of tests) {
    try {
      await jwtVerify(jws, keys, options);
      console.log(tcId, "accepted");
    } catch (error) {
      // Whatever it throws is a refusal.
      console.log(tcId, "refused", error.code ?? error.name);
    }
  }
}

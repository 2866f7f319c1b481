// Verifies access tokens with jose while the server's keys turn, as a JavaScript API with its cache on.
//
// Arguments: the issuer's URL, how many seconds the key set is kept, and, where it is another, the URL of the node that is
// asked for it. A token a line on standard input; a line each on standard output: `ok`, or why not. A key that is not in the kept set is not asked for again before the set is too old.
import { createInterface } from "node:readline";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const [issuer, seconds, node = issuer] = process.argv.slice(2);
const kept = { cacheMaxAge: Number(seconds) * 1000, cooldownDuration: 3_600_000 };
const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", node), kept);
for await (const line of createInterface({ input: process.stdin })) {
  try {
    await jwtVerify(line.trim(), keys, { audience: issuer, issuer, typ: "at+jwt" });
    console.log("ok");
  } catch (refusal) {
    if (!(refusal instanceof errors.JOSEError)) throw refusal;
    console.log("refused:", refusal.code);
  }
}

// Verifies one access token with jose, as a JavaScript API that trusts a Keystile server would.
//
// Arguments: the issuer's URL, the algorithm. The token comes on standard input. Prints the claims as JSON, or
// `refused: ` and the code of jose's error.
import { readFileSync } from "node:fs";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const [issuer, algorithm] = process.argv.slice(2);
const token = readFileSync(0, "utf8").trim();
const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", issuer));
try {
  const { payload } = await jwtVerify(token, keys, {
    algorithms: [algorithm],
    audience: issuer,
    issuer,
    typ: "at+jwt",
    requiredClaims: ["exp", "iat", "sub", "jti"],
  });
  console.log(JSON.stringify(payload));
} catch (refusal) {
  if (!(refusal instanceof errors.JOSEError)) throw refusal;
  console.log("refused:", refusal.code);
}

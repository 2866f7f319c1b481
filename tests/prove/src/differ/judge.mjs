// Judges tokens with jose, as an API would that takes them from one issuer.
//
// The first line of standard input says the keys, the issuer and the audience. Each line after it is a list of tokens, and
// is answered with a list: for each token `=` and its subject, or the error's code or name.
import { createInterface } from "node:readline";
import { importJWK, jwtVerify } from "jose";

const byId = new Map();
const byAlgorithm = new Map();
let setup;

async function prepare(line) {
  setup = JSON.parse(line);
  for (const jwk of setup.keys) {
    const key = { algorithm: jwk.alg, key: await importJWK(jwk, jwk.alg) };
    byId.set(jwk.kid, key);
    byAlgorithm.set(jwk.alg, key);
  }
}

async function judge(token) {
  try {
    const { payload } = await jwtVerify(
      token,
      ({ kid, alg }) => {
        const found = kid === undefined ? byAlgorithm.get(alg) : byId.get(kid);
        if (found?.algorithm !== alg) throw new Error("no key");
        return found.key;
      },
      {
        algorithms: [...byAlgorithm.keys()],
        issuer: setup.issuer,
        audience: setup.audience,
        typ: "at+jwt",
        requiredClaims: ["exp", "sub"],
      },
    );
    return "=" + String(payload.sub).toWellFormed();
  } catch (refusal) {
    return String(refusal.code ?? refusal.name);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  if (setup === undefined) await prepare(line);
  else console.log(JSON.stringify(await Promise.all(JSON.parse(line).map(judge))));
}

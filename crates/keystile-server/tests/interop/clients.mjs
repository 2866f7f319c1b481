// Does what a client of a Keystile server does, by oauth4webapi: finds the server, gets a token for itself, looks at it as an API
// would, refreshes a person's session, asks about both, gives both back.
//
// Arguments: the issuer's URL, the way to authenticate. Standard input: JSON with `id`, `secret` and `refresh`, a refresh token. Prints
// one JSON object of what came of it.
import { readFileSync } from "node:fs";
import * as oauth from "oauth4webapi";

const [issuer, method] = process.argv.slice(2);
const given = JSON.parse(readFileSync(0, "utf8"));
const client = { client_id: given.id };
const auth =
  method === "client_secret_basic" ? oauth.ClientSecretBasic(given.secret) : oauth.ClientSecretPost(given.secret);
const options = { [oauth.allowInsecureRequests]: true };

const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: "oauth2", ...options });
const server = await oauth.processDiscoveryResponse(new URL(issuer), found);

const asked = new URLSearchParams({ scope: "revocations:read", resource: issuer });
const granted = await oauth.clientCredentialsGrantRequest(server, client, auth, asked, options);
const own = await oauth.processClientCredentialsResponse(server, client, granted);

// RFC 9068, section 4.
const request = new Request(issuer, { headers: { authorization: `Bearer ${own.access_token}` } });
const claims = await oauth.validateJwtAccessToken(server, request, issuer, options);

const refreshing = await oauth.refreshTokenGrantRequest(server, client, auth, given.refresh, options);
const refreshed = await oauth.processRefreshTokenResponse(server, client, refreshing);

async function introspect(token) {
  const answer = await oauth.introspectionRequest(server, client, auth, token, options);
  return await oauth.processIntrospectionResponse(server, client, answer);
}
async function revoke(token) {
  await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, auth, token, options));
}
async function refusal(parameters, secret) {
  const wrong = oauth.ClientSecretBasic(secret);
  const answer = await oauth.clientCredentialsGrantRequest(server, client, wrong, parameters, options);
  try {
    await oauth.processClientCredentialsResponse(server, client, answer);
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError) return error.error;
    if (error instanceof oauth.WWWAuthenticateChallengeError) return error.cause[0].scheme;
    throw error;
  }
}

const before = [(await introspect(own.access_token)).active, (await introspect(refreshed.refresh_token)).active];
const username = (await introspect(refreshed.access_token)).username;
await revoke(own.access_token);
await revoke(refreshed.refresh_token);
const after = [own.access_token, refreshed.refresh_token, refreshed.access_token].map(introspect);
console.log(
  JSON.stringify({
    sub: claims.sub,
    scope: own.scope,
    rotated: refreshed.refresh_token !== given.refresh,
    username,
    before,
    after: (await Promise.all(after)).map((told) => told.active),
    refused: [await refusal({ scope: "admin" }, given.secret), (await refusal({}, "ksc_wrong")).toLowerCase()],
  }),
);

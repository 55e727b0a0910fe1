// SPDX-License-Identifier: Apache-2.0
// A certified OpenID provider (npm oidc-provider) for tests: PORT, REDIRECT_URI, PERSON and SECRET come from the environment.
import Provider from 'oidc-provider';

const { PORT, REDIRECT_URI, PERSON, SECRET } = process.env;
const person = JSON.parse(PERSON);
const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  clients: [{ client_id: 'dlpmilter', client_secret: SECRET, redirect_uris: [REDIRECT_URI] }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups'] },
  cookies: { keys: ['test'] },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...person }) }),
  pkce: { required: () => true },
});
provider.listen(Number(PORT), '127.0.0.1', () => console.log('ready'));

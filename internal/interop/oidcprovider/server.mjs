// A certified OpenID provider (npm oidc-provider) in the shape of VoxKey, for the tests of internal/interop.
//
// It speaks lines of JSON, each answered by one line. The first on stdin is the configuration {accounts, resources}, answered
// by {origin, version} once it listens on a free loopback port. Then, each naming a realm (issuer: origin/oauth2/REALM):
//
//   {realm, post}    opens it         {issuer}    post: the authorization endpoint takes POST too
//   {realm, client}  registers one    {client: ID}
//   {realm, rotate}  new keys         {rotated: REALM}
//
// It logs to stderr and ends when stdin does, so that it cannot outlive its test.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import about from 'oidc-provider/package.json' with { type: 'json' };

import { Realm } from './realm.mjs';

console.info = console.error; // the library's notices: standard output is for answers

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const { accounts, resources } = JSON.parse((await lines.next()).value);

const realms = new Map();
const server = createServer(async (req, res) => {
  try {
    const [, below, name] = req.url.split(/[/?]/);
    const realm = below === 'oauth2' && realms.get(name);
    if (realm) {
      await realm.handle(req, res);
    } else {
      res.writeHead(404).end();
    }
  } catch (err) {
    console.error('%s %s: %s', req.method, req.url, err.stack);
    if (!res.headersSent) res.writeHead(err.statusCode ?? 500).end();
  }
});
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const origin = `http://127.0.0.1:${server.address().port}`;
say({ origin, version: about.version });

for await (const line of lines) {
  const { realm: name, client, rotate, post = false } = JSON.parse(line);
  if (client) {
    await realms.get(name).register(client);
    say({ client: client.client_id });
  } else if (rotate) {
    realms.get(name).rotate();
    say({ rotated: name });
  } else {
    const issuer = `${origin}/oauth2/${name}`;
    realms.set(name, new Realm(issuer, { accounts, resources, post }));
    say({ issuer });
  }
}
process.exit(0);

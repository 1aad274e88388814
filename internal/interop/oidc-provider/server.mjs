// A certified OpenID provider (npm oidc-provider) in the shape of VoxKey, for the tests of internal/interop.
//
// It speaks lines of JSON: the first on stdin is the configuration {accounts, resources}, each later one {client} registers a client.
// Each is answered by one line on stdout: {"issuer": ...} once it listens on a free loopback port, then {"client": ID}.
// It logs to stderr and ends when stdin does, so that it cannot outlive its test.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import Provider, { errors } from 'oidc-provider';
import about from 'oidc-provider/package.json' with { type: 'json' };

console.info = console.error; // the library's notices: standard output is for answers

const realm = '/oauth2/realm-1';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const { accounts, resources } = JSON.parse((await lines.next()).value);

const server = createServer();
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const origin = `http://127.0.0.1:${server.address().port}`;
const issuer = origin + realm;

// One store for every kind of record: enough for one process, and clients can be added to it while it runs.
const store = new Map();
class Memory {
  constructor(kind) { this.kind = kind; }

  key(id) { return `${this.kind}:${id}`; }

  async upsert(id, payload) { store.set(this.key(id), { ...payload }); }

  async find(id) { return store.get(this.key(id)); }

  async findBy(name, value) {
    for (const [key, payload] of store) {
      if (key.startsWith(`${this.kind}:`) && payload[name] === value) return payload;
    }
    return undefined;
  }

  async findByUid(uid) { return this.findBy('uid', uid); }

  async findByUserCode(userCode) { return this.findBy('userCode', userCode); }

  async consume(id) { store.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }

  async destroy(id) { store.delete(this.key(id)); }

  async revokeByGrantId(grantId) {
    for (const [key, payload] of store) if (payload.grantId === grantId) store.delete(key);
  }
}

const privateJWK = (alg, type, options) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: `${alg}-1`,
});
const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const page = (title, body) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${body}</html>`;

const provider = new Provider(issuer, {
  adapter: Memory,
  jwks: { keys: [privateJWK('RS256', 'rsa', { modulusLength: 2048 }), privateJWK('ES256', 'ec', { namedCurve: 'P-256' })] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  routes: {
    authorization: '/code',
    token: '/token',
    userinfo: '/userinfo',
    jwks: '/oidc/jwks',
    introspection: '/introspect',
    revocation: '/revoke',
    end_session: '/logout',
  },
  scopes: ['openid', 'offline_access'],
  claims: { openid: ['sub', 'tenant'], profile: ['name'], email: ['email', 'email_verified'] },
  extraClientMetadata: { properties: ['tenant', 'skip_pkce', 'always_refresh'] },
  pkce: { required: (ctx, client) => !client.skip_pkce },
  rotateRefreshToken: true,
  issueRefreshToken: (ctx, client, source) => client.grantTypeAllowed('refresh_token')
    && (source.scopes.has('offline_access') || Boolean(client.always_refresh)),
  ttl: {
    AccessToken: (ctx, token) => token.resourceServer?.accessTokenTTL ?? 300,
    ClientCredentials: (ctx, token) => token.resourceServer?.accessTokenTTL ?? 300,
    AuthorizationCode: 60,
    IdToken: 300,
    RefreshToken: 1800,
    Interaction: 300,
    Session: 1800,
    Grant: 1800,
  },
  // A person's token carries the person's tenant, a service's the tenant it was registered for.
  extraTokenClaims: (ctx, token) => {
    const tenant = token.accountId ? accounts[token.accountId].tenant : ctx.oidc.client.tenant;
    return tenant && { tenant };
  },
  findAccount: (ctx, sub) => accounts[sub] && {
    accountId: sub,
    claims: () => ({ sub, tenant: accounts[sub].tenant, name: accounts[sub].name, email: accounts[sub].email, email_verified: true }),
  },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    userinfo: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => {
        ctx.body = page('Sign out?', form.replace('</form>', '<button name="logout" value="yes">Yes, sign me out</button></form>'));
      },
      postLogoutSuccessSource: (ctx) => { ctx.body = page('Signed out', ''); },
    },
    resourceIndicators: {
      enabled: true,
      // Asked for several at the token endpoint, it issues for the first: a token has one audience here.
      defaultResource: (ctx, client, oneOf) => oneOf?.[0],
      getResourceServerInfo: (ctx, indicator) => {
        if (!resources[indicator]) throw new errors.InvalidTarget('unknown resource');
        const { format, alg, ttl } = resources[indicator];
        return {
          scope: 'read write', audience: indicator, accessTokenFormat: format, accessTokenTTL: ttl, jwt: { sign: { alg } },
        };
      },
    },
  },
});
for (const event of ['server_error', 'authorization.error', 'grant.error', 'introspection.error', 'revocation.error', 'userinfo.error', 'end_session.error']) {
  provider.on(event, (ctx, err) => console.error('%s %s %s: %s', event, ctx.method, ctx.path, err.error_description ?? err.stack));
}

async function readForm(req) {
  let body = '';
  for await (const chunk of req) {
    body += chunk;
    if (body.length > 1e4) throw new Error('form too large');
  }
  return new URLSearchParams(body);
}

// interaction is the person's part: a sign-in form, then a consent form.
async function interaction(req, res) {
  const { prompt, params, grantId, session } = await provider.interactionDetails(req, res);
  const html = (title, body) => {
    res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
    res.end(page(title, `<form method="post" action="${escape(req.url)}">${body}</form>`));
  };
  const signIn = (problem) => html('Sign in', `<p>${problem}</p><label>Name <input name="login" required></label>
    <label>Password <input name="password" type="password" required></label><button>Sign in</button>`);

  if (prompt.name === 'login') {
    if (req.method !== 'POST') return signIn('');
    const form = await readForm(req);
    const account = accounts[form.get('login')];
    if (!account || account.password !== form.get('password')) return signIn('Wrong name or password.');
    return provider.interactionFinished(req, res, { login: { accountId: form.get('login') } }, { mergeWithLastSubmission: false });
  }
  if (req.method !== 'POST') {
    return html('Allow access?', `<p>${escape(params.client_id)} asks for: ${escape(params.scope)}</p><button>Allow</button>`);
  }
  const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  const { missingOIDCScope = [], missingOIDCClaims = [], missingResourceScopes = {} } = prompt.details;
  grant.addOIDCScope(missingOIDCScope.join(' '));
  grant.addOIDCClaims(missingOIDCClaims);
  for (const [indicator, scopes] of Object.entries(missingResourceScopes)) grant.addResourceScope(indicator, scopes.join(' '));
  return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

const handle = provider.callback();
server.on('request', async (req, res) => {
  try {
    if (req.url.startsWith('/interaction/')) {
      await interaction(req, res);
    } else if (req.url.startsWith(`${realm}/`)) {
      req.originalUrl = req.url;
      req.url = req.url.slice(realm.length);
      await handle(req, res);
    } else {
      res.writeHead(404).end();
    }
  } catch (err) {
    console.error('%s %s: %s', req.method, req.url, err.stack);
    if (!res.headersSent) res.writeHead(err.statusCode ?? 500).end();
  }
});

say({ issuer, version: about.version });
for await (const line of lines) {
  const { client } = JSON.parse(line);
  await new Memory('Client').upsert(client.client_id, client);
  say({ client: client.client_id });
}
process.exit(0);

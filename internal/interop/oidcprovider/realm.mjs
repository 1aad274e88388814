// A realm is a provider of its own: issuer, keys, clients, sessions. The accounts and the API resources are every realm's.
import { generateKeyPairSync, randomBytes } from 'node:crypto';

import Provider, { errors } from 'oidc-provider';

import { newStore } from './store.mjs';

const privateJWK = (alg, kid, type, options) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid,
});
const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const page = (title, body) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${body}</html>`;

const keyPair = (generation) => [
  privateJWK('RS256', `RS256-${generation}`, 'rsa', { modulusLength: 2048 }),
  privateJWK('ES256', `ES256-${generation}`, 'ec', { namedCurve: 'P-256' }),
];

const configure = (issuer, { adapter, keys, cookieKey, accounts, resources, post }) => ({
  adapter,
  jwks: { keys },
  cookies: {
    keys: [cookieKey],
    // A session belongs to its realm. Another site's POST brings no lax cookie, so that the library wants none for it.
    long: { httpOnly: true, sameSite: post ? 'none' : 'lax', path: new URL(issuer).pathname },
  },
  enableHttpPostMethods: post,
  routes: {
    authorization: '/code',
    token: '/token',
    userinfo: '/userinfo',
    jwks: '/oidc/jwks',
    introspection: '/introspect',
    revocation: '/revoke',
    pushed_authorization_request: '/par',
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
  interactions: { url: (ctx, interaction) => `${issuer}/interaction/${interaction.uid}` },
  fetch: (url, { dispatcher, ...options }) => fetch(url, options), // its own dispatcher refuses this machine, where the apps are
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    userinfo: { enabled: true },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: false },
    backchannelLogout: { enabled: true },
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

async function readForm(req) {
  let body = '';
  for await (const chunk of req) {
    body += chunk;
    if (body.length > 1e4) throw new Error('form too large');
  }
  return new URLSearchParams(body);
}

// interaction is the person's part: a sign-in form, then a consent form.
async function interaction(provider, accounts, req, res) {
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

const failures = [
  'server_error', 'authorization.error', 'grant.error', 'introspection.error', 'revocation.error', 'userinfo.error',
  'pushed_authorization_request.error', 'end_session.error', 'backchannel.error',
];

export class Realm {
  #issuer;

  #config;

  #generation = 0;

  #provider;

  #handle;

  constructor(issuer, { accounts, resources, post }) {
    this.#issuer = issuer;
    this.#config = { adapter: newStore(), keys: [], cookieKey: randomBytes(32).toString('hex'), accounts, resources, post };
    this.rotate();
  }

  // rotate signs with new keys from now on and goes on publishing the old ones. A provider takes its keys once: here is
  // another one, over the same records.
  rotate() {
    this.#generation += 1;
    this.#config.keys.unshift(...keyPair(this.#generation));
    this.#provider = new Provider(this.#issuer, configure(this.#issuer, this.#config));
    this.#handle = this.#provider.callback();
    for (const event of failures) {
      this.#provider.on(event, (ctx, err) => console.error('%s %s %s: %s', event, ctx.method, ctx.path, err.error_description ?? err.stack));
    }
  }

  register(client) { return new this.#config.adapter('Client').upsert(client.client_id, client); }

  // handle answers a request below the issuer's path.
  handle(req, res) {
    const { pathname } = new URL(this.#issuer);
    const path = req.url.slice(pathname.length);
    if (path.startsWith('/interaction/')) return interaction(this.#provider, this.#config.accounts, req, res);
    req.originalUrl = req.url;
    req.url = path;
    return this.#handle(req, res);
  }
}

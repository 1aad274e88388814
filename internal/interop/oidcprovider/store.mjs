// newStore gives an oidc-provider adapter whose records, of every kind, are in one map: enough for one process, and
// clients can be added to it while it runs.
export function newStore() {
  const records = new Map();
  return class Memory {
    constructor(kind) { this.kind = kind; }

    key(id) { return `${this.kind}:${id}`; }

    async upsert(id, payload) { records.set(this.key(id), { ...payload }); }

    async find(id) { return records.get(this.key(id)); }

    async findBy(name, value) {
      for (const [key, payload] of records) {
        if (key.startsWith(`${this.kind}:`) && payload[name] === value) return payload;
      }
      return undefined;
    }

    async findByUid(uid) { return this.findBy('uid', uid); }

    async findByUserCode(userCode) { return this.findBy('userCode', userCode); }

    async consume(id) { records.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }

    async destroy(id) { records.delete(this.key(id)); }

    async revokeByGrantId(grantId) {
      for (const [key, payload] of records) if (payload.grantId === grantId) records.delete(key);
    }
  };
}
